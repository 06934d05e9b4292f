#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hubbub::transport {

/// The bytes that go out before any slice of a tape: whole frames, and at the
/// very front perhaps the rest of a torn one. Holds no memory when it is empty.
class control_lane {
public:
  [[nodiscard]] bool empty() const noexcept { return bytes_.size() == gone_; }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() - gone_; }
  [[nodiscard]] std::string_view waiting() const noexcept { return std::string_view{bytes_}.substr(gone_); }

  /// Where the next frame is to be appended.
  [[nodiscard]] std::string& end() {
    // What has gone is dropped when it is most of it, so that moving stays cheap.
    if (gone_ > 4096 && gone_ > bytes_.size() / 2) {
      bytes_.erase(0, gone_);
      gone_ = 0;
    }
    return bytes_;
  }
  /// Puts the rest of a torn frame before everything else.
  void put_first(std::string_view rest) {
    bytes_.replace(0, gone_, rest);
    gone_ = 0;
  }
  void consume(std::size_t n) noexcept {
    gone_ += n;
    if (!empty())
      return;
    gone_ = 0;
    if (bytes_.capacity() > kept)
      std::string{}.swap(bytes_);
    else
      bytes_.clear();
  }
  void clear() noexcept {
    gone_ = 0;
    std::string{}.swap(bytes_);
  }

private:
  /// A connection that answers command after command shall not allocate for each.
  static constexpr std::size_t kept = 256;

  std::string bytes_;
  std::size_t gone_ = 0;
};

} // namespace hubbub::transport
