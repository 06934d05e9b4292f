#pragma once

#include "broker/errc.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace hubbub::daemon {

/// A key that seals tickets, and the name by which a ticket says which it was. Overwritten when it goes.
class ticket_key {
public:
  static constexpr std::size_t size = 32;

  /// Derived from a secret of 32 to 1024 bytes.
  [[nodiscard]] static broker::result<ticket_key> from_secret(std::string_view secret);
  /// Reads a file that holds nothing but the secret, as those of tokens do (docs/configuration.md, "Keys").
  /// Refused with a sentence that begins with the file's name.
  [[nodiscard]] static broker::result<ticket_key> from_file(const std::string& name);
  /// Of this process alone: what it seals nobody else can open, nor itself after a restart. Refused when the
  /// system has no randomness to give.
  [[nodiscard]] static broker::result<ticket_key> random();

  ticket_key(const ticket_key&) = default;
  ticket_key& operator=(const ticket_key&) = default;
  ~ticket_key();

  [[nodiscard]] std::string_view bytes() const noexcept { return {bytes_.data(), size}; }
  /// Of the key, not of its place in a list: nodes may hold theirs in another order. Tells nothing of the
  /// key.
  [[nodiscard]] std::uint32_t id() const noexcept { return id_; }

private:
  ticket_key() = default;
  std::array<char, size> bytes_{};
  std::uint32_t id_ = 0;
};

} // namespace hubbub::daemon
