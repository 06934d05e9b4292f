#include "broker/wire_frame.hpp"

namespace hubbub::broker {

namespace {

constexpr char final_text = '\x81';
constexpr char final_close = '\x88';
constexpr char rsv1 = '\x40';

char byte(std::size_t value) noexcept { return static_cast<char>(value & 0xff); }

} // namespace

void append_frame_header(std::string& out, std::size_t payload, bool compressed) {
  out += compressed ? static_cast<char>(final_text | rsv1) : final_text;
  if (payload < 126) {
    out += byte(payload);
    return;
  }
  const int bytes = payload < 65'536 ? 2 : 8;
  out += static_cast<char>(bytes == 2 ? 126 : 127);
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out += byte(static_cast<std::uint64_t>(payload) >> shift);
}

void append_text_frame(std::string& out, std::string_view payload) {
  append_frame_header(out, payload.size());
  out += payload;
}

void append_close_frame(std::string& out, std::uint16_t code, std::string_view reason) {
  std::size_t size = reason.size();
  if (size > 123) {
    size = 123;
    while (size && (static_cast<unsigned char>(reason[size]) & 0xc0) == 0x80)
      --size;
  }
  out += final_close;
  out += byte(2 + size);
  out += byte(code >> 8);
  out += byte(code);
  out += reason.substr(0, size);
}

} // namespace hubbub::broker
