#pragma once

#include "broker/room_name.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace hubbub::broker {

/// Has the room a log, or only the moment?
enum class room_kind : std::uint8_t { retained, live };

/// What happens to a reader that a room has overtaken.
/// Retained rooms know `catch_up` and `disconnect`; live ones all but `catch_up`.
enum class overflow : std::uint8_t { catch_up, disconnect, drop_oldest, drop_newest, conflate };

enum class presence_mode : std::uint8_t { roster, count, off };

/// Who may put events into a room.
enum class publish_mode : std::uint8_t { direct, via_backend, off };

/// Rights on rooms, as a set of bits.
enum class right : std::uint8_t { none = 0, join = 1, publish = 2, history = 4, presence = 8, call = 16 };
[[nodiscard]] constexpr right operator|(right a, right b) noexcept {
  return static_cast<right>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
[[nodiscard]] constexpr bool has(right all, right one) noexcept {
  return (static_cast<std::uint8_t>(all) & static_cast<std::uint8_t>(one)) == static_cast<std::uint8_t>(one);
}

/// The rules of one namespace. The values are the built-in defaults.
struct policy {
  room_kind kind = room_kind::retained;
  /// Events of a room that the log keeps.
  std::uint32_t history_size = 1000;
  std::chrono::milliseconds history_age = std::chrono::hours{1};
  /// How far back `since` reaches without the history grant.
  std::chrono::milliseconds recover_age = std::chrono::minutes{10};
  std::chrono::milliseconds dedup_window = std::chrono::minutes{2};
  /// The newest part kept in memory as ready-made frames, in bytes.
  std::uint32_t tape_bytes = 262'144;
  overflow when_overtaken = overflow::catch_up;
  std::uint32_t conflate_keys = 1024;
  presence_mode presence = presence_mode::roster;
  std::chrono::milliseconds presence_interval{200};
  std::uint32_t roster_max = 1000;
  std::chrono::milliseconds linger = std::chrono::seconds{2};
  publish_mode publish = publish_mode::direct;
  /// How long news may wait so that more goes out in one write.
  std::chrono::milliseconds batch{0};
  bool deflate = true;
  /// What needs no grant.
  right anyone = right::none;
};

/// The policies of all namespaces. Never changed once built; any thread.
class namespaces {
public:
  /// `declared` are by name; others get `fallback`.
  explicit namespaces(policy fallback = {}, std::map<std::string, policy, std::less<>> declared = {})
      : fallback_{fallback}, declared_{std::move(declared)} {}

  [[nodiscard]] const policy& of(const room_name& room) const noexcept { return of(room.space()); }
  [[nodiscard]] const policy& of(std::string_view space) const noexcept {
    auto it = declared_.find(space);
    return it == declared_.end() ? fallback_ : it->second;
  }
  [[nodiscard]] bool is_declared(std::string_view space) const noexcept { return declared_.contains(space); }
  [[nodiscard]] const std::map<std::string, policy, std::less<>>& declared() const noexcept {
    return declared_;
  }
  [[nodiscard]] const policy& fallback() const noexcept { return fallback_; }

private:
  policy fallback_;
  std::map<std::string, policy, std::less<>> declared_;
};

} // namespace hubbub::broker
