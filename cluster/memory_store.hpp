#pragma once

#include "broker/clock.hpp"
#include "broker/policy.hpp"
#include "cluster/memory_shard.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace hubbub::cluster {

/// What a log in memory and its interests share. Any thread.
class memory_store {
public:
  memory_store(const broker::namespaces& spaces, const broker::clock& time,
               const std::shared_ptr<dedup_bound>& ids);

  [[nodiscard]] memory_space& space_of(const broker::room_name& room) noexcept;
  [[nodiscard]] memory_shard& shard_of(const broker::room_name& room) noexcept;
  /// Milliseconds of the steady clock.
  [[nodiscard]] std::int64_t now() const noexcept;
  [[nodiscard]] std::int64_t unix_ms() const noexcept { return clock_.unix_ms(); }
  /// For de-duplication; none when `e` is not to be.
  [[nodiscard]] std::optional<digest> identity_of(const broker::event& e, const memory_space& in) const;

  const std::string epoch;
  static constexpr std::size_t shard_count = 64;

  [[nodiscard]] memory_shard& shard(std::size_t i) noexcept { return *shards_[i]; }

private:
  const broker::clock& clock_;
  const siphash_key key_ = new_siphash_key();
  std::map<std::string, memory_space, std::less<>> declared_;
  memory_space others_;
  std::array<std::unique_ptr<memory_shard>, shard_count> shards_;
};

} // namespace hubbub::cluster
