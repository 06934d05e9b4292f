#pragma once

#include "broker/clock.hpp"
#include "broker/daemon/ticket_key.hpp"
#include "broker/tickets.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace hubbub::daemon {

/// Tickets in base64url, sealed with AES-256-GCM: a version, the key's id, 24 random bytes, what is sealed,
/// the tag. The first of the keys seals, each opens. Any thread.
class sealed_tickets final : public broker::ticket_office {
public:
  /// At least one key; `time` must outlive this.
  sealed_tickets(std::vector<ticket_key> keys, broker::milliseconds lives, const broker::clock& time)
      : keys_{std::make_shared<const key_list>(std::move(keys))}, lives_{lives}, time_{time} {}

  /// From now on these count, at least one, and no others.
  void change_keys(std::vector<ticket_key> keys);

  /// Takes a few microseconds, as does `open`.
  [[nodiscard]] std::string seal(const broker::identity& who, broker::session_id session) const override;
  [[nodiscard]] std::variant<broker::ticket, broker::ticket_flaw> open(std::string_view text) const override;
  [[nodiscard]] broker::milliseconds lives() const noexcept override { return lives_; }

  /// Tickets of other versions are refused by name.
  static constexpr unsigned char version = 1;

private:
  using key_list = std::vector<ticket_key>;
  [[nodiscard]] std::shared_ptr<const key_list> keys() const;

  mutable std::mutex mutex_;
  std::shared_ptr<const key_list> keys_; // guarded by mutex_
  const broker::milliseconds lives_;
  const broker::clock& time_;
};

} // namespace hubbub::daemon
