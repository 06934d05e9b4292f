#pragma once

#include "broker/session_id.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace hubbub::broker {

/// Which sessions each user has on this node, so that none has more than it may. Connections of one session
/// count once: one that resumes shares the place of the one before it, which may not be gone yet. Any thread;
/// it locks a part of the users, when a connection begins and when it ends.
class user_connections {
  struct seat;

public:
  /// A connection's share of its session's place, which is given back with the last share. Empty: it is not
  /// counted. It must not outlive the table. One thread at a time.
  class place {
  public:
    place() = default;
    place(place&& other) noexcept : seat_{std::exchange(other.seat_, nullptr)} {}
    place& operator=(place&& other) noexcept {
      give_back();
      seat_ = std::exchange(other.seat_, nullptr);
      return *this;
    }
    ~place() { give_back(); }
    void give_back() noexcept;

  private:
    friend class user_connections;
    explicit place(seat& at) noexcept : seat_{&at} {}
    seat* seat_ = nullptr;
  };

  user_connections() = default;
  user_connections(const user_connections&) = delete;
  user_connections& operator=(const user_connections&) = delete;

  /// Nothing: the user has `most` sessions here, and this is none of them. `most` is 0, or `user` empty: it
  /// is not counted.
  [[nodiscard]] std::optional<place> take(const std::string& user, session_id session, std::uint32_t most);
  /// The place of another session of the same user for one that is given back. Never more than there were, so
  /// it is not refused.
  [[nodiscard]] place exchange(place held, session_id session);
  /// How many sessions are counted for `user`.
  [[nodiscard]] std::size_t count(const std::string& user);

private:
  struct shard;
  struct seat {
    shard* at = nullptr;
    /// The key in `shard::users`.
    const std::string* user = nullptr;
    session_id session;
    std::uint32_t shares = 0;
  };
  using sessions = std::unordered_map<session_id, seat>;
  struct shard {
    std::mutex mutex;
    std::unordered_map<std::string, sessions> users;
  };
  static constexpr std::size_t shards = 64;
  [[nodiscard]] shard& of(const std::string& user) noexcept {
    return shards_[std::hash<std::string>{}(user) % shards];
  }

  std::array<shard, shards> shards_;
};

} // namespace hubbub::broker
