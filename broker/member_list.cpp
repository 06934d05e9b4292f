#include "broker/member_list.hpp"

#include <algorithm>

namespace hubbub::broker {

namespace {

constexpr auto member_user = [](const member_ptr& m) -> std::string_view { return m->user(); };

} // namespace

std::vector<member> member_snapshot::page(std::string_view after, std::size_t limit) const {
  std::vector<member> out;
  out.reserve(std::min(limit, size_));
  auto from = std::ranges::partition_point(
      chunks_, [&](const auto& c) { return !after.empty() && member_user(c->back()) <= after; });
  for (auto c = from; c != chunks_.end() && out.size() < limit; ++c)
    for (auto m = after.empty() ? (*c)->begin() : std::ranges::upper_bound(**c, after, {}, member_user);
         m != (*c)->end() && out.size() < limit; ++m)
      out.push_back((*m)->copy());
  return out;
}

std::size_t member_list::part_of(std::string_view user) const noexcept {
  auto behind = std::ranges::upper_bound(parts_, user, {},
                                         [](const part& p) { return member_user(p.members->front()); });
  return behind == parts_.begin() ? 0 : static_cast<std::size_t>(behind - parts_.begin()) - 1;
}

member_list::chunk& member_list::writable(std::size_t at) {
  auto& p = parts_[at];
  // Asking the reference count instead would race with a loop that drops its snapshot.
  if (p.made_in != snapshots_)
    p = {std::make_shared<chunk>(*p.members), snapshots_};
  return *p.members;
}

void member_list::split(std::size_t at) {
  auto& full = writable(at);
  auto middle = full.begin() + static_cast<std::ptrdiff_t>(full.size() / 2);
  auto upper = std::make_shared<chunk>(middle, full.end());
  full.erase(middle, full.end());
  parts_.insert(parts_.begin() + static_cast<std::ptrdiff_t>(at) + 1, part{std::move(upper), snapshots_});
}

void member_list::put(member_ptr m) {
  if (parts_.empty()) {
    parts_.push_back({std::make_shared<chunk>(1, std::move(m)), snapshots_});
    ++size_;
    return;
  }
  auto at = part_of(m->user());
  auto& members = writable(at);
  auto place = std::ranges::lower_bound(members, member_user(m), {}, member_user);
  if (place != members.end() && (*place)->user() == m->user()) {
    *place = std::move(m);
    return;
  }
  members.insert(place, std::move(m));
  ++size_;
  if (members.size() > chunk_max)
    split(at);
}

void member_list::erase(std::string_view user) {
  if (parts_.empty())
    return;
  auto at = part_of(user);
  const auto& seen = *parts_[at].members;
  auto place = std::ranges::lower_bound(seen, user, {}, member_user);
  if (place == seen.end() || (*place)->user() != user)
    return;
  auto index = place - seen.begin();
  --size_;
  if (seen.size() == 1) {
    parts_.erase(parts_.begin() + static_cast<std::ptrdiff_t>(at));
    return;
  }
  auto& members = writable(at);
  members.erase(members.begin() + index);
  // Neighbours that fit into one are joined, so that many departures leave no crowd of tiny chunks.
  if (at + 1 < parts_.size() && members.size() + parts_[at + 1].members->size() <= chunk_max / 2) {
    const auto& next = *parts_[at + 1].members;
    members.insert(members.end(), next.begin(), next.end());
    parts_.erase(parts_.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

member_snapshot member_list::snapshot() {
  member_snapshot s;
  s.size_ = size_;
  s.chunks_.reserve(parts_.size());
  for (const auto& p : parts_)
    s.chunks_.push_back(p.members);
  ++snapshots_;
  return s;
}

} // namespace hubbub::broker
