#pragma once

#include "transport/spare_texts.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace hubbub::transport {

/// The bytes that go out before any slice of a tape: whole frames, and at the
/// very front perhaps the rest of a torn one. Holds no memory when it is empty.
class control_lane {
public:
  [[nodiscard]] bool empty() const noexcept { return !bytes_; }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_ ? bytes_->size() - gone_ : 0; }
  [[nodiscard]] std::string_view waiting() const noexcept {
    return bytes_ ? std::string_view{*bytes_}.substr(gone_) : std::string_view{};
  }

  /// Appends what `write(std::string& end)` does, at least one byte.
  template <class Write>
  void append_with(spare_texts& spare, Write&& write) {
    if (!bytes_)
      bytes_ = spare.take();
    // What has gone is dropped when it is most of it, so that moving stays cheap.
    if (gone_ > 4096 && gone_ > bytes_->size() / 2) {
      bytes_->erase(0, gone_);
      gone_ = 0;
    }
    write(*bytes_);
  }
  void append(spare_texts& spare, std::string_view frame) {
    append_with(spare, [frame](std::string& end) { end += frame; });
  }
  /// Puts the rest of a torn frame before everything else.
  void put_first(spare_texts& spare, std::string_view rest) {
    if (!bytes_)
      bytes_ = spare.take();
    bytes_->replace(0, gone_, rest);
    gone_ = 0;
  }
  void consume(spare_texts& spare, std::size_t n) {
    gone_ += n;
    if (gone_ < bytes_->size())
      return;
    gone_ = 0;
    spare.give(std::move(bytes_));
  }
  void clear() noexcept {
    gone_ = 0;
    bytes_.reset();
  }

private:
  std::unique_ptr<std::string> bytes_;
  std::size_t gone_ = 0;
};

} // namespace hubbub::transport
