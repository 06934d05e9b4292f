// Who is in a room, here and on other nodes.
#include "broker/room.hpp"

#include <algorithm>

namespace hubbub::broker {

void room::open_roster() {
  if (roster_ || rules_.presence == presence_mode::off)
    return;
  // Versions of an earlier life of this room were lower.
  roster_ = std::make_unique<roster>(name_, rules_, generation_);
  others_ = out_.follow_roster();
  if (others_)
    roster_->share();
}

bool room::update(session_id who, std::string_view info) {
  if (!readers_.has(who))
    return false;
  if (roster_ && roster_->update(who, info))
    presence_changed();
  return true;
}

void room::members(std::uint64_t id, std::uint32_t limit, std::string after) {
  open_roster();
  if (hears_first()) {
    waits().members.push_back({id, limit, std::move(after)});
    return;
  }
  say_members({id, limit, std::move(after)});
}

void room::say_members(const members_question& q) {
  out_.on_members(q.id, roster_ ? roster_->view()->page(q.limit, q.after) : member_page{});
  // Who asks from outside leaves a silent room as small as it was.
  if (roster_ && !tick_delayed_ && readers_.presence_loops() == 0)
    roster_->rest();
}

void room::presence_changed() {
  if (!std::exchange(tick_delayed_, true))
    out_.delay_tick(roster_->interval());
}

// -- other nodes --------------------------------------------------------------

void room::hear(const roster_part& part) {
  roster_->hear(part);
  presence_changed();
}

void room::forget(owner_id owner) {
  roster_->forget(owner);
  presence_changed();
}

void room::asked_for_people(const roster_asker& who) {
  if (!others_)
    return;
  tell_other_nodes();
  others_->answer(who, roster_->own());
}

void room::heard_all() {
  heard_all_ = true;
  if (waiting_)
    for (const auto& q : std::exchange(waiting_->members, {}))
      say_members(q);
  if (state_ == state::ready && !loading_)
    serve_waiting();
  else
    served();
}

void room::tell_other_nodes() {
  if (!others_)
    return;
  if (auto part = roster_->own_changes())
    others_->tell(std::move(*part));
}

// -- time ---------------------------------------------------------------------

void room::tick() {
  tick_delayed_ = false;
  if (!roster_)
    return;
  const auto now = around_.time.now();
  const auto next = roster_->expire(now);
  tell_other_nodes();
  if (readers_.presence_loops() != 0 && roster_->version() != presence_shown_) {
    presence_shown_ = roster_->version();
    feed_->show(roster_->view());
    out_.tell_presence(feed_, readers_.presence_loops());
  }
  if (readers_.presence_loops() == 0)
    roster_->rest();
  if (next) {
    tick_delayed_ = true;
    const auto wait = std::chrono::ceil<milliseconds>(*next - now);
    out_.delay_tick(std::max(wait, roster_->interval()));
  }
}

} // namespace hubbub::broker
