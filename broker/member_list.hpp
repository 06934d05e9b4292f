#pragma once

#include "broker/kept_member.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace hubbub::broker {

/// The members of one moment, sorted by user. Never changed; any thread.
class member_snapshot {
public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// All of them, in order.
  [[nodiscard]] std::vector<member> all() const { return page({}, size_); }
  /// At most `limit` members whose user sorts behind `after` (empty: from the first).
  [[nodiscard]] std::vector<member> page(std::string_view after, std::size_t limit) const;

private:
  friend class member_list;
  using chunk = std::vector<member_ptr>;

  std::vector<std::shared_ptr<const chunk>> chunks_;
  std::size_t size_ = 0;
};

/// Members sorted by user, in chunks that are shared with snapshots and copied
/// only when they change afterwards: a snapshot of 1,000 costs some thirty
/// pointers, and a change after it one chunk. One thread.
class member_list {
public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Adds `m`, or replaces the member of that user.
  void put(member_ptr m);
  /// Takes out the member of that user, if there is one.
  void erase(std::string_view user);
  [[nodiscard]] member_snapshot snapshot();

  /// Members in a chunk, at most.
  static constexpr std::size_t chunk_max = 64;

private:
  using chunk = member_snapshot::chunk;
  struct part {
    std::shared_ptr<chunk> members;
    /// How many snapshots there were when this chunk was made: if there is one since, it is shared.
    std::uint64_t made_in = 0;
  };

  /// The chunk where `user` is or would be.
  [[nodiscard]] std::size_t part_of(std::string_view user) const noexcept;
  [[nodiscard]] chunk& writable(std::size_t at);
  void split(std::size_t at);

  std::vector<part> parts_;
  std::size_t size_ = 0;
  std::uint64_t snapshots_ = 0;
};

} // namespace hubbub::broker
