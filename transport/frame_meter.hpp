#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hubbub::transport {

/// Follows a client's frames in the bytes that are read, without looking at payloads: does
/// a message or a frame hang open? It also takes the compression mark off messages
/// (RFC 7692 section 6), so that the reader behind it carries them as plain binary ones.
class frame_meter {
public:
  /// What a message was before its mark was taken off.
  enum class kind : std::uint8_t { plain, compressed_text, compressed_binary };

  /// No frame and no message is open.
  [[nodiscard]] bool between_messages() const noexcept { return have_ == 0 && left_ == 0 && final_; }

  /// `deflate`: marks are expected. Without it they stay, for the reader to refuse.
  void feed(unsigned char* p, std::size_t n, bool deflate) {
    while (n) {
      if (left_) {
        auto skip = static_cast<std::size_t>(std::min<std::uint64_t>(left_, n));
        left_ -= skip;
        p += skip;
        n -= skip;
        continue;
      }
      if (have_ == 0)
        begin(*p, deflate);
      head_[have_++] = *p++;
      --n;
      if (have_ >= 2)
        measure();
    }
  }

  /// The kind of the oldest message not yet asked for. Only with deflate.
  [[nodiscard]] kind next() noexcept {
    if (asked_ == kinds_.size())
      return kind::plain;
    auto k = kinds_[asked_++];
    if (asked_ == kinds_.size()) {
      kinds_.clear();
      asked_ = 0;
    }
    return k;
  }

private:
  static constexpr unsigned char final_bit = 0x80, rsv1 = 0x40, opcode_bits = 0x0f, control_bit = 0x08;

  void begin(unsigned char& first, bool deflate) {
    auto opcode = first & opcode_bits;
    if (!deflate || (opcode != 1 && opcode != 2))
      return;
    if ((first & rsv1) == 0) {
      kinds_.push_back(kind::plain);
      return;
    }
    kinds_.push_back(opcode == 1 ? kind::compressed_text : kind::compressed_binary);
    first = static_cast<unsigned char>((first & ~(rsv1 | opcode_bits)) | 2);
  }

  void measure() noexcept {
    auto size = head_[1] & 127u;
    auto wide = size == 127 ? 8u : size == 126 ? 2u : 0u;
    // A client's frames are masked: four bytes more. The reader refuses others at once.
    if (have_ < 2 + wide + 4)
      return;
    left_ = wide ? 0 : size;
    for (auto i = 0u; i < wide; ++i)
      left_ = left_ << 8 | head_[2 + i];
    if ((head_[0] & control_bit) == 0)
      final_ = (head_[0] & final_bit) != 0;
    have_ = 0;
  }

  unsigned char head_[14] = {};
  unsigned char have_ = 0;
  bool final_ = true;
  std::uint64_t left_ = 0;
  std::vector<kind> kinds_;
  std::size_t asked_ = 0;
};

} // namespace hubbub::transport
