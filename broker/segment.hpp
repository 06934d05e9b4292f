#pragma once

#include "broker/session_id.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace hubbub::broker {

/// What the index knows of one frame.
struct frame_info {
  std::uint64_t offset = 0;
  /// The log's.
  std::int64_t time_ms = 0;
  /// The session that must not get it; nobody: all get it.
  session_id excluded;
  /// Where the event's key stands within the frame; size 0: it has none.
  std::uint32_t key_at = 0;
  std::uint16_t key_size = 0;
};

/// Frames back to back, ready for a wire, and their index: one block of memory,
/// bytes from its front, index entries from its back. One writer appends;
/// what `count` covers never changes and may be read by any thread.
class segment {
public:
  /// Room for `capacity` bytes, index included. `place` is where its first
  /// byte stands on the tape, `after` the offset of the event before it.
  static std::shared_ptr<segment> make(std::size_t capacity, std::uint64_t place, std::uint64_t after);
  ~segment();
  segment(const segment&) = delete;
  segment& operator=(const segment&) = delete;

  /// False: it does not fit. The writer only.
  [[nodiscard]] bool append(std::string_view frame, const frame_info& info) noexcept;

  /// How many frames there are (acquire).
  [[nodiscard]] std::uint32_t count() const noexcept { return count_.load(std::memory_order_acquire); }
  [[nodiscard]] const frame_info& info(std::uint32_t i) const noexcept { return entry(i)->info; }
  /// Where frame `i` ends, counted from the segment's first byte. `end(-1)` is 0.
  [[nodiscard]] std::uint32_t end(std::uint32_t i) const noexcept { return entry(i)->end; }
  [[nodiscard]] std::uint32_t begin(std::uint32_t i) const noexcept { return i == 0 ? 0 : end(i - 1); }
  [[nodiscard]] std::string_view frame(std::uint32_t i) const noexcept {
    return {bytes() + begin(i), end(i) - begin(i)};
  }
  [[nodiscard]] std::string_view key(std::uint32_t i) const noexcept {
    return {bytes() + begin(i) + info(i).key_at, info(i).key_size};
  }
  [[nodiscard]] const char* bytes() const noexcept { return block_.get(); }
  /// Where its first byte stands on the tape.
  [[nodiscard]] std::uint64_t place() const noexcept { return place_; }
  /// The offset of the event before its first.
  [[nodiscard]] std::uint64_t after() const noexcept { return after_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  /// Is any of its frames kept from somebody? Right for the frames that a `count` taken before covers.
  [[nodiscard]] bool has_excluded() const noexcept { return has_excluded_.load(std::memory_order_relaxed); }

  /// Among the first `count` frames, the first with an offset above `offset` (`count`: none).
  [[nodiscard]] std::uint32_t find_after(std::uint64_t offset, std::uint32_t count) const noexcept;
  /// Among the first `count` frames, the first that ends at or after byte `at` (`count`: none).
  [[nodiscard]] std::uint32_t find_end(std::uint32_t at, std::uint32_t count) const noexcept;

  /// The memory that a frame of `size` bytes takes, index included.
  static constexpr std::size_t cost(std::size_t size) noexcept { return size + sizeof(index_entry); }

private:
  struct index_entry {
    frame_info info;
    std::uint32_t end;
  };

  segment(std::size_t capacity, std::uint64_t place, std::uint64_t after);
  [[nodiscard]] index_entry* entry(std::uint32_t i) const noexcept {
    return reinterpret_cast<index_entry*>(block_.get() + capacity_) - 1 - i;
  }

  std::unique_ptr<char[]> block_;
  std::uint64_t place_;
  std::uint64_t after_;
  std::size_t capacity_;
  std::uint32_t used_ = 0;
  std::atomic<std::uint32_t> count_{0};
  std::atomic<bool> has_excluded_{false};
};

using segment_ptr = std::shared_ptr<const segment>;

} // namespace hubbub::broker
