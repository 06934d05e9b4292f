#include "broker/roster_person.hpp"

namespace hubbub::broker {

namespace {

/// Where nobody lingers: how long a session has to enter over the connection that has taken it over.
constexpr std::chrono::seconds while_going_on{2};

/// About what a member takes in a reset's JSON.
std::size_t encoded_bytes(const member_ptr& m) noexcept {
  return m ? 48 + m->user.size() + m->user_info.size() + m->info.size() : 0;
}

} // namespace

std::size_t roster::by_user::operator()(std::string_view user) const noexcept {
  return std::hash<std::string_view>{}(user);
}
std::size_t roster::by_user::operator()(const std::unique_ptr<person>& p) const noexcept {
  return (*this)(std::string_view{p->shown->user});
}
bool roster::by_user::operator()(const std::unique_ptr<person>& a,
                                 const std::unique_ptr<person>& b) const noexcept {
  return a->shown->user == b->shown->user;
}
bool roster::by_user::operator()(const std::unique_ptr<person>& a, std::string_view b) const noexcept {
  return a->shown->user == b;
}
bool roster::by_user::operator()(std::string_view a, const std::unique_ptr<person>& b) const noexcept {
  return b->shown->user == a;
}

roster::roster(room_name room, const policy& rules, std::uint64_t seed)
    : room_{std::move(room)},
      mode_{rules.presence},
      roster_max_{rules.roster_max},
      linger_{rules.linger},
      interval_{rules.presence_interval},
      version_{seed + 1},
      listing_{rules.presence == presence_mode::roster} {}

roster::~roster() = default;

void roster::enter(session_id who, std::string_view user, std::string_view user_info, std::string_view info,
                   steady_time now) {
  if (mode_ == presence_mode::off)
    return;
  auto name = user.empty() ? who.str() : std::string{user};
  auto known = sessions_.find(who);
  if (known != sessions_.end() && known->second->shown->user != name) {
    leave(who, now);
    known = sessions_.end();
  }
  auto found = people_.find(std::string_view{name});
  if (found == people_.end() || !(*found)->own) {
    auto seen =
        std::make_shared<const member>(member{std::move(name), std::string{user_info}, std::string{info}, 1});
    auto& p = found == people_.end() ? add(seen) : **found;
    p.connections = 1;
    sessions_[who] = &p;
    set_own(p, std::move(seen));
    return;
  }
  auto& p = **found;
  auto seen = *p.own;
  if (!info.empty() || p.lingers) // what a connection that is gone had said is not this one's
    seen.info = info;
  seen.user_info = user_info;
  if (known == sessions_.end()) {
    stop_lingering(p);
    ++p.connections;
    sessions_[who] = &p;
  }
  seen.connections = p.connections;
  set_own(p, seen);
}

void roster::leave(session_id who, steady_time now, milliseconds at_least, bool goes_on) {
  auto it = sessions_.find(who);
  if (it == sessions_.end())
    return;
  auto& p = *it->second;
  sessions_.erase(it);
  if (--p.connections > 0) {
    auto seen = *p.own;
    seen.connections = p.connections;
    set_own(p, seen);
  } else if (const auto lingers = std::max(linger_, at_least); lingers.count() > 0) {
    start_lingering(p, now + lingers);
  } else if (goes_on) {
    start_lingering(p, now + while_going_on);
  } else {
    end_own(p);
  }
}

bool roster::update(session_id who, std::string_view info) {
  auto it = sessions_.find(who);
  if (it == sessions_.end())
    return false;
  auto seen = *it->second->own;
  seen.info = info;
  set_own(*it->second, seen);
  return true;
}

std::optional<steady_time> roster::expire(steady_time now) {
  while (first_lingering_ && first_lingering_->until <= now)
    end_own(*first_lingering_);
  if (!first_lingering_)
    return std::nullopt;
  return first_lingering_->until;
}

std::shared_ptr<const presence_view> roster::view() {
  if (view_ && view_->version() == version_)
    return view_;
  presence_view::state s;
  s.room = room_;
  s.version = version_;
  s.previous = view_ ? view_->version() : 0;
  s.count = count();
  if (listing_) {
    s.members = members_.snapshot();
    s.steps = steps_;
  }
  view_ = std::make_shared<const presence_view>(std::move(s));
  return view_;
}

roster::person& roster::add(const member_ptr& seen) {
  auto made = std::make_unique<person>();
  auto& p = *made;
  p.shown = seen; // what it is found by
  people_.insert(std::move(made));
  return p;
}

void roster::set_own(person& p, const member& seen) {
  if (*p.own != seen)
    set_own(p, std::make_shared<const member>(seen));
}

void roster::set_own(person& p, member_ptr now) {
  if (!p.own)
    ++own_count_;
  own_bytes_ += encoded_bytes(now) - encoded_bytes(p.own);
  p.own = std::move(now);
  note_change(p.own->user);
  merge(p);
}

void roster::end_own(person& p) {
  stop_lingering(p);
  --own_count_;
  own_bytes_ -= encoded_bytes(p.own);
  note_change(p.own->user);
  p.own.reset();
  merge(p);
}

void roster::note_change(const std::string& user) {
  if (sharing_ && mode_ == presence_mode::roster)
    changed_.insert(user);
}

void roster::merge(person& p) {
  auto before = p.told ? p.shown : nullptr;
  if (!p.own && !p.others) {
    people_.erase(people_.find(std::string_view{p.shown->user}));
    if (before)
      count_step(std::move(before), nullptr);
    return;
  }
  auto now = p.others ? std::make_shared<const member>(sum_of(p)) : p.own;
  if (before && (before == now || *before == *now))
    return;
  p.told = true;
  p.shown = now;
  count_step(std::move(before), std::move(now));
}

member roster::sum_of(const person& p) {
  member sum;
  sum.user = p.shown->user;
  const auto add = [&sum](const member& m) {
    sum.connections += m.connections;
    if (sum.info.empty())
      sum.info = m.info;
    if (sum.user_info.empty())
      sum.user_info = m.user_info;
  };
  if (p.own)
    add(*p.own);
  for (const auto& o : *p.others)
    add(*o.seen);
  return sum;
}

void roster::start_lingering(person& p, steady_time until) noexcept {
  p.lingers = true;
  p.until = until;
  p.earlier = last_lingering_;
  p.later = nullptr;
  (last_lingering_ ? last_lingering_->later : first_lingering_) = &p;
  last_lingering_ = &p;
}

void roster::stop_lingering(person& p) noexcept {
  if (!p.lingers)
    return;
  (p.earlier ? p.earlier->later : first_lingering_) = p.later;
  (p.later ? p.later->earlier : last_lingering_) = p.earlier;
  p.lingers = false;
}

bool roster::fits() const noexcept {
  // It comes back a little under the limit: a reset for everybody at each step over it would cost too much.
  auto under = [&](std::size_t n, std::size_t max) { return n <= (listing_ ? max : max - max / 16); };
  return unnamed_ == 0 && under(people_.size(), roster_max_) && under(bytes_, max_bytes);
}

void roster::count_others() {
  listing_ = mode_ == presence_mode::roster && fits();
  ++version_;
  steps_.clear();
}

void roster::count_step(member_ptr before, member_ptr after) {
  if (mode_ == presence_mode::roster) {
    bytes_ += encoded_bytes(after);
    bytes_ -= encoded_bytes(before);
    if (after)
      members_.put(after);
    else
      members_.erase(before->user);
  }
  auto was_listing = listing_;
  listing_ = mode_ == presence_mode::roster && fits();
  auto counts = !before || !after;
  if (!was_listing && !listing_ && !counts)
    return;
  ++version_;
  if (was_listing && listing_)
    steps_.append(version_, {std::move(before), std::move(after)});
  else
    steps_.clear(); // who stands before this cannot be told step by step
}

} // namespace hubbub::broker
