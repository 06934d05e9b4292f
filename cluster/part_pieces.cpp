#include "cluster/part_pieces.hpp"

#include <iterator>
#include <utility>

namespace hubbub::cluster {
namespace {

std::size_t bytes_of(const broker::member& m) noexcept {
  return 48 + m.user.size() + m.user_info.size() + m.info.size();
}
std::size_t bytes_of(const std::string& user) noexcept { return 16 + user.size(); }

bool is_name(const std::string& user) noexcept { return !user.empty() && user.size() <= most_name_bytes; }

/// Moves what fits from `from` to the last of `all`, and begins a new one when that is full.
template <class T>
void deal(std::vector<T>& from, std::vector<T> broker::roster_part::*to, const part_message& head,
          std::size_t most_bytes, std::size_t& bytes, std::vector<part_message>& all) {
  for (auto& one : from) {
    const auto size = bytes_of(one);
    if (bytes > 0 && bytes + size > most_bytes) {
      all.push_back(head);
      bytes = 0;
    }
    bytes += size;
    (all.back().part.*to).push_back(std::move(one));
  }
}

} // namespace

std::size_t bytes_of(const broker::roster_part& part) noexcept {
  std::size_t n = 0;
  for (const auto& m : part.put)
    n += bytes_of(m);
  for (const auto& user : part.gone)
    n += bytes_of(user);
  return n;
}

std::vector<part_message> split(part_message whole, std::size_t most_bytes) {
  auto put = std::exchange(whole.part.put, {});
  auto gone = std::exchange(whole.part.gone, {});
  std::erase_if(put, [](const auto& m) { return !is_name(m.user); });
  std::erase_if(gone, [](const auto& user) { return !is_name(user); });
  for (auto& m : put) {
    if (m.user_info.size() > most_info_bytes)
      m.user_info.clear();
    if (m.info.size() > most_info_bytes)
      m.info.clear();
  }
  std::vector<part_message> all{whole};
  std::size_t bytes = 0;
  deal(put, &broker::roster_part::put, whole, most_bytes, bytes, all);
  deal(gone, &broker::roster_part::gone, whole, most_bytes, bytes, all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].piece = static_cast<std::uint32_t>(i);
    all[i].last = i + 1 == all.size();
  }
  return all;
}

part_pieces::part_pieces(part_message first) : sum_{std::move(first)}, bytes_{cluster::bytes_of(sum_.part)} {}

bool part_pieces::add(part_message&& next) {
  if (next.number != sum_.number || next.piece != sum_.piece + 1)
    return false;
  bytes_ += cluster::bytes_of(next.part);
  sum_.piece = next.piece;
  std::move(next.part.put.begin(), next.part.put.end(), std::back_inserter(sum_.part.put));
  std::move(next.part.gone.begin(), next.part.gone.end(), std::back_inserter(sum_.part.gone));
  return true;
}

} // namespace hubbub::cluster
