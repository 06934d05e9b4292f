#include "cluster/epoch.hpp"

#include "broker/session_id.hpp"
#include "cluster/siphash.hpp"

#include <charconv>

namespace hubbub::cluster {
namespace {

std::string eight_of(std::uint64_t bits) {
  static constexpr char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string text(8, '0');
  for (auto& c : text) {
    c = digits[bits % 62];
    bits /= 62;
  }
  return text;
}

} // namespace

std::string new_epoch() { return eight_of(broker::session_id::random().value); }

std::string short_name(std::string_view text) { return eight_of(siphash({0, 0}, text).low); }

std::string default_event_id(const std::string& epoch, std::uint64_t offset) {
  char digits[20];
  const auto* end = std::to_chars(digits, digits + sizeof digits, offset).ptr;
  const auto size = static_cast<std::size_t>(end - digits);
  std::string id;
  id.reserve(epoch.size() + 1 + size);
  id.append(epoch).push_back('-');
  id.append(digits, size);
  return id;
}

std::uint64_t offset_in(const std::string& event_id, const std::string& epoch) noexcept {
  const auto at = epoch.size() + 1;
  if (event_id.size() <= at || event_id.compare(0, epoch.size(), epoch) != 0 || event_id[at - 1] != '-')
    return 0;
  std::uint64_t offset = 0;
  const auto* end = event_id.data() + event_id.size();
  const auto [stop, wrong] = std::from_chars(event_id.data() + at, end, offset);
  return wrong == std::errc{} && stop == end ? offset : 0;
}

} // namespace hubbub::cluster
