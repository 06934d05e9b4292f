#include "broker/roster_person.hpp"

#include <algorithm>
#include <vector>

namespace hubbub::broker {

namespace {

/// Where nobody lingers: how long a session has to enter over the connection that has taken it over.
constexpr std::chrono::seconds while_going_on{2};

/// Of so many people everything that is told of them is made again in no time.
constexpr std::uint32_t few_people = 16;

/// About what a member takes in a reset's JSON.
std::size_t encoded_bytes(const member_ptr& m) noexcept { return m ? 48 + m->bytes() : 0; }

} // namespace

roster::roster(room_name room, const policy& rules, std::uint64_t seed)
    : room_{std::move(room)},
      rules_{rules},
      version_{seed + 1},
      listing_{rules.presence == presence_mode::roster},
      telling_{std::make_unique<telling>()} {}

roster::~roster() = default;

void roster::enter(session_id who, std::string_view user, std::string_view user_info, std::string_view info,
                   steady_time now) {
  if (rules_.presence == presence_mode::off)
    return;
  const auto name = user.empty() ? who.str() : std::string{user};
  const auto* known = sessions_.find(who);
  if (known && (*known)->shown->user() != name) {
    leave(who, now);
    known = nullptr;
  }
  auto* found = people_.find(name);
  if (!found || !found->own) {
    auto seen = kept_member::make(name, user_info, info, 1);
    auto& p = found ? *found : add(seen);
    p.connections = 1;
    sessions_.put(who, &p);
    set_own(p, std::move(seen));
    return;
  }
  auto& p = *found;
  // What a connection that is gone had said is not this one's.
  const auto says = !info.empty() || p.lingers ? info : p.own->info();
  if (!known) {
    stop_lingering(p);
    ++p.connections;
    sessions_.put(who, &p);
  }
  set_own(p, kept_member::make(name, user_info, says, p.connections));
}

void roster::leave(session_id who, steady_time now, milliseconds at_least, bool goes_on) {
  const auto* known = sessions_.find(who);
  if (!known)
    return;
  auto& p = **known;
  sessions_.take(who);
  if (--p.connections > 0)
    set_own(p, kept_member::make(p.own->user(), p.own->user_info(), p.own->info(), p.connections));
  else if (const auto lingers = std::max(rules_.linger, at_least); lingers.count() > 0)
    start_lingering(p, now + lingers);
  else if (goes_on)
    start_lingering(p, now + while_going_on);
  else
    end_own(p);
}

bool roster::update(session_id who, std::string_view info) {
  const auto* known = sessions_.find(who);
  if (!known)
    return false;
  auto& p = **known;
  if (p.own->info() != info)
    set_own(p, kept_member::make(p.own->user(), p.own->user_info(), info, p.own->connections()));
  return true;
}

std::optional<steady_time> roster::expire(steady_time now) {
  while (first_lingering_ && first_lingering_->lingers->until <= now)
    end_own(*first_lingering_);
  if (!first_lingering_)
    return std::nullopt;
  return first_lingering_->lingers->until;
}

std::shared_ptr<const presence_view> roster::view() {
  auto& all = awake();
  if (all.view && all.view->version() == version_)
    return all.view;
  presence_view::state s;
  s.room = room_;
  s.version = version_;
  s.previous = all.view ? all.view->version() : 0;
  s.count = count();
  if (listing_) {
    s.members = all.members.snapshot();
    s.steps = all.steps;
  }
  all.view = std::make_shared<const presence_view>(std::move(s));
  return all.view;
}

void roster::rest() noexcept {
  if (people_.size() <= few_people)
    telling_.reset();
}

roster::telling& roster::awake() {
  if (telling_)
    return *telling_;
  auto made = std::make_unique<telling>();
  if (rules_.presence == presence_mode::roster)
    people_.for_each([&made](const person& p) {
      if (p.told)
        made->members.put(p.shown);
    });
  telling_ = std::move(made);
  return *telling_;
}

roster::person& roster::add(member_ptr seen) {
  auto made = std::make_unique<person>();
  auto& p = *made;
  p.shown = std::move(seen); // what it is found by
  people_.add(std::move(made));
  return p;
}

void roster::set_own(person& p, member_ptr now) {
  if (p.own && *p.own == *now)
    return;
  if (!p.own)
    ++own_count_;
  own_bytes_ += encoded_bytes(now) - encoded_bytes(p.own);
  p.own = std::move(now);
  note_change(p.own->user());
  merge(p);
}

void roster::end_own(person& p) {
  stop_lingering(p);
  --own_count_;
  own_bytes_ -= encoded_bytes(p.own);
  note_change(p.own->user());
  p.own.reset();
  merge(p);
}

void roster::note_change(std::string_view user) {
  if (!sharing_ || rules_.presence != presence_mode::roster)
    return;
  if (!changed_)
    changed_ = std::make_unique<user_set>();
  changed_->emplace(user);
}

void roster::merge(person& p) {
  auto before = p.told ? p.shown : nullptr;
  if (!p.own && !p.others) {
    people_.erase(p);
    if (before)
      count_step(std::move(before), nullptr);
    return;
  }
  auto now = p.others ? sum_of(p) : p.own;
  if (before && (before == now || *before == *now))
    return;
  p.told = true;
  p.shown = now;
  count_step(std::move(before), std::move(now));
}

member_ptr roster::sum_of(const person& p) {
  std::uint32_t connections = 0;
  std::string_view info;
  std::string_view user_info;
  const auto add = [&](const kept_member& m) {
    connections += m.connections();
    if (info.empty())
      info = m.info();
    if (user_info.empty())
      user_info = m.user_info();
  };
  if (p.own)
    add(*p.own);
  for (const auto& o : *p.others)
    add(*o.seen);
  return kept_member::make(p.shown->user(), user_info, info, connections);
}

void roster::start_lingering(person& p, steady_time until) {
  p.lingers = std::make_unique<person::pause>(person::pause{until, last_lingering_, nullptr});
  (last_lingering_ ? last_lingering_->lingers->later : first_lingering_) = &p;
  last_lingering_ = &p;
}

void roster::stop_lingering(person& p) noexcept {
  if (!p.lingers)
    return;
  const auto [_, earlier, later] = *p.lingers;
  (earlier ? earlier->lingers->later : first_lingering_) = later;
  (later ? later->lingers->earlier : last_lingering_) = earlier;
  p.lingers.reset();
}

bool roster::fits() const noexcept {
  // It comes back a little under the limit: a reset for everybody at each step over it would cost too much.
  auto under = [&](std::size_t n, std::size_t max) { return n <= (listing_ ? max : max - max / 16); };
  return unnamed_ == 0 && under(people_.size(), rules_.roster_max) && under(bytes_, max_bytes);
}

void roster::count_others() {
  listing_ = rules_.presence == presence_mode::roster && fits();
  ++version_;
  if (telling_)
    telling_->steps.clear();
}

void roster::count_step(member_ptr before, member_ptr after) {
  if (rules_.presence == presence_mode::roster) {
    bytes_ += encoded_bytes(after);
    bytes_ -= encoded_bytes(before);
    if (telling_ && after)
      telling_->members.put(after);
    else if (telling_)
      telling_->members.erase(before->user());
  }
  auto was_listing = listing_;
  listing_ = rules_.presence == presence_mode::roster && fits();
  auto counts = !before || !after;
  if (!was_listing && !listing_ && !counts)
    return;
  ++version_;
  if (!telling_)
    return;
  if (was_listing && listing_)
    telling_->steps.append(version_, {std::move(before), std::move(after)});
  else
    telling_->steps.clear(); // who stands before this cannot be told step by step
}

} // namespace hubbub::broker
