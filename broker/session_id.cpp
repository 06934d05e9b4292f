#include "broker/session_id.hpp"

#include <charconv>
#include <random>

namespace hubbub::broker {

session_id session_id::random() {
  static thread_local std::random_device source;
  session_id id;
  while (!id)
    id.value = std::uint64_t{source()} << 32 | source();
  return id;
}

std::string session_id::str() const {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (auto i = 0u; i < 16; ++i)
    text[i] = digits[value >> (60 - 4 * i) & 15];
  return text;
}

session_id session_id::parse(std::string_view text) noexcept {
  session_id id;
  const auto* end = text.data() + text.size();
  if (text.size() != 16 || std::from_chars(text.data(), end, id.value, 16).ptr != end)
    return {};
  return id;
}

} // namespace hubbub::broker
