#include "cluster/base64.hpp"

#include <array>
#include <cstdint>

namespace hubbub::cluster {
namespace {

constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t none = 255;

constexpr auto values = [] {
  std::array<std::uint8_t, 256> v{};
  v.fill(none);
  for (std::uint8_t i = 0; i < 64; ++i)
    v[static_cast<unsigned char>(digits[i])] = i;
  return v;
}();

std::uint32_t value(char c) noexcept { return values[static_cast<unsigned char>(c)]; }

std::size_t padding(std::string_view text) noexcept {
  if (text.ends_with("=="))
    return 2;
  return text.ends_with('=') ? 1 : 0;
}

} // namespace

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  const auto at = [&](std::size_t i) -> std::uint32_t {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0;
  };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto three = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    text.push_back(digits[three >> 18]);
    text.push_back(digits[three >> 12 & 63]);
    text.push_back(i + 1 < bytes.size() ? digits[three >> 6 & 63] : '=');
    text.push_back(i + 2 < bytes.size() ? digits[three & 63] : '=');
  }
  return text;
}

bool is_base64(std::string_view text) noexcept {
  if (text.size() % 4 != 0)
    return false;
  const auto padded = padding(text);
  const auto whole = text.substr(0, text.size() - padded);
  for (const auto c : whole)
    if (value(c) == none)
      return false;
  // The bits that stand for nothing are zero, or two texts would mean the same.
  return padded == 0 || (value(whole.back()) & (padded == 2 ? 15 : 3)) == 0;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (!is_base64(text))
    return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const auto four = (value(text[i]) & 63) << 18 | (value(text[i + 1]) & 63) << 12 |
                      (value(text[i + 2]) & 63) << 6 | (value(text[i + 3]) & 63);
    bytes.push_back(static_cast<char>(four >> 16));
    bytes.push_back(static_cast<char>(four >> 8));
    bytes.push_back(static_cast<char>(four));
  }
  bytes.resize(bytes.size() - padding(text));
  return bytes;
}

} // namespace hubbub::cluster
