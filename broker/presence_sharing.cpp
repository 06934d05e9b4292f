// What nodes tell each other of a room's people.
#include "broker/roster_person.hpp"

#include <algorithm>

namespace hubbub::broker {

bool roster::names_own() const noexcept {
  return rules_.presence == presence_mode::roster && own_count_ <= rules_.roster_max &&
         own_bytes_ <= max_bytes;
}

roster_part roster::own() const {
  roster_part part;
  part.whole = true;
  part.listed = names_own();
  part.count = own_count_;
  if (part.listed)
    people_.for_each([&part](const person& p) {
      if (p.own)
        part.put.push_back(p.own->copy());
    });
  return part;
}

std::optional<roster_part> roster::own_changes() {
  if (!sharing_ || (!told_all_ && own_count_ == 0))
    return std::nullopt;
  const auto names = names_own();
  const auto same_manner = std::exchange(told_all_, true) && std::exchange(told_names_, names) == names;
  const auto told_count = std::exchange(told_count_, own_count_);
  const auto changed = std::exchange(changed_, nullptr);
  if (!same_manner || (!names && told_count != own_count_)) {
    told_names_ = names;
    return own();
  }
  if (!changed)
    return std::nullopt;
  roster_part part;
  part.count = own_count_;
  for (const auto& user : *changed) {
    const auto* found = people_.find(user);
    if (found && found->own)
      part.put.push_back(found->own->copy());
    else
      part.gone.push_back(user);
  }
  return part;
}

void roster::hear(const roster_part& part) {
  if (rules_.presence == presence_mode::off)
    return;
  if (!owners_)
    owners_ = std::make_unique<owner_table>();
  auto& known = (*owners_)[part.owner];
  if (part.whole) {
    auto gone = std::exchange(known.users, {});
    for (const auto& m : part.put)
      gone.erase(m.user);
    for (const auto& user : gone)
      erase_other(part.owner, user);
    for (const auto& m : part.put)
      known.users.insert(m.user);
  }
  for (const auto& m : part.put) {
    known.users.insert(m.user);
    put_other(part.owner, m);
  }
  for (const auto& user : part.gone)
    if (known.users.erase(user) != 0)
      erase_other(part.owner, user);
  set_unnamed(known, part.listed ? 0 : part.count);
  if (known.users.empty() && known.unnamed == 0)
    owners_->erase(part.owner);
  if (owners_->empty())
    owners_.reset();
}

void roster::forget(owner_id owner) {
  if (!owners_)
    return;
  auto found = owners_->extract(owner);
  if (!found)
    return;
  for (const auto& user : found.mapped().users)
    erase_other(owner, user);
  set_unnamed(found.mapped(), 0);
}

void roster::set_unnamed(owner_people& of, std::uint32_t now) {
  const auto before = std::exchange(of.unnamed, now);
  if (before == now)
    return;
  unnamed_ += now - before;
  count_others();
}

void roster::put_other(owner_id owner, const member& m) {
  auto seen = kept_member::make(m);
  auto* found = people_.find(m.user);
  auto& p = found ? *found : add(seen);
  if (!p.others)
    p.others = std::make_unique<std::vector<person::other>>();
  auto& all = *p.others;
  const auto there = std::find_if(all.begin(), all.end(), [&](const auto& o) { return o.owner == owner; });
  if (there == all.end())
    all.push_back({owner, std::move(seen)});
  else
    there->seen = std::move(seen);
  merge(p);
}

void roster::erase_other(owner_id owner, std::string_view user) {
  auto* found = people_.find(user);
  if (!found || !found->others)
    return;
  std::erase_if(*found->others, [owner](const auto& o) { return o.owner == owner; });
  if (found->others->empty())
    found->others.reset();
  merge(*found);
}

} // namespace hubbub::broker
