#include "broker/log_questions.hpp"

#include <algorithm>
#include <utility>

namespace hubbub::broker {

bool log_questions::serves(const question& q, const join_request& who, const read_request& what,
                           const stream_position& head) noexcept {
  // `not_before_ms` goes with the time, and may differ by as much as an answer takes.
  if (q.serves != reach::same || q.what.after != what.after || q.what.limit != what.limit ||
      q.what.newest != what.newest || q.whole_history != who.whole_history ||
      q.since.has_value() != who.since.has_value() || q.head.epoch != head.epoch)
    return false;
  if (!who.since) // the newest events are others when one has come
    return q.head.offset == head.offset;
  // Whoever has been elsewhere may be ahead of this room: only a log that was asked for somebody as far ahead
  // is sure to have seen as much.
  return q.since->epoch == who.since->epoch &&
         (who.since->epoch != head.epoch || who.since->offset <= q.since->offset);
}

std::uint64_t log_questions::add(join_request who, const read_request& what, const stream_position& head) {
  ++waiting_;
  const auto by_position = who.since && who.since->epoch == head.epoch && who.since->offset <= head.offset;
  const auto shared = std::ranges::find_if(open_, [&](const question& q) {
    return by_position ? q.serves == reach::behind && q.head.epoch == head.epoch &&
                             q.whole_history == who.whole_history
                       : serves(q, who, what, head);
  });
  if (shared != open_.end()) {
    // Of what came after it was asked the answer may not know.
    const auto told =
        !by_position || (who.since->offset >= shared->what.after && who.since->offset <= shared->head.offset);
    (told ? shared->those : shared->next).push_back(std::move(who));
    return 0;
  }
  auto& q = open_.emplace_back();
  q.id = ++last_id_;
  q.serves = by_position ? reach::behind : reach::same;
  q.what = what;
  q.head = head;
  q.since = who.since;
  q.whole_history = who.whole_history;
  q.those.push_back(std::move(who));
  return q.id;
}

std::uint64_t log_questions::add_around(std::vector<join_request> those, const read_request& what,
                                        const stream_position& head) {
  waiting_ += those.size();
  auto& q = open_.emplace_back();
  q.id = ++last_id_;
  q.serves = reach::around;
  q.what = what;
  q.head = head;
  q.since = those.front().since;
  q.whole_history = those.front().whole_history;
  q.those = std::move(those);
  return q.id;
}

log_questions::question log_questions::take(std::uint64_t id) {
  const auto found = std::ranges::find(open_, id, &question::id);
  auto q = std::move(*found);
  open_.erase(found);
  waiting_ -= q.those.size() + q.next.size();
  std::ranges::stable_sort(q.next, {}, [](const join_request& j) { return j.since->offset; });
  // Most rooms ask when everybody comes back, and then not for hours.
  if (open_.empty())
    std::vector<question>{}.swap(open_);
  return q;
}

const read_result* log_questions::said_to(const join_request& who, const read_request& what,
                                          const stream_position& head, steady_time now) const {
  return newest_ && now < newest_->until && newest_->to.head == head && serves(newest_->to, who, what, head)
             ? &newest_->said
             : nullptr;
}

bool log_questions::keep(const question& asked, const read_result& said, const stream_position& head,
                         steady_time now) {
  // Only of another life of the log so many ask the same. When the log is ahead of the room, the room has to
  // read first.
  if (said.why.code != errc::ok || said.head.epoch != head.epoch || asked.head != head || !asked.since ||
      asked.since->epoch == head.epoch || (!said.events.empty() && said.events.front()->offset > head.offset))
    return false;
  auto a = std::make_unique<answer>(
      answer{{asked.id, asked.serves, asked.what, asked.head, asked.since, asked.whole_history, {}, {}},
             said,
             now + answer_holds});
  // An event's place is all that is asked for; its data may be large.
  for (auto& e : a->said.events) {
    auto place = std::make_shared<stored_event>();
    place->offset = e->offset;
    e = std::move(place);
  }
  newest_ = std::move(a);
  return true;
}

bool log_questions::forget_old(steady_time now) noexcept {
  if (newest_ && now >= newest_->until)
    newest_.reset();
  return !newest_;
}

std::vector<std::uint64_t> log_questions::leave(session_id who) {
  std::vector<std::uint64_t> ids;
  const auto left = [&](const join_request& j) {
    if (j.session != who)
      return false;
    ids.push_back(j.id);
    return true;
  };
  for (auto& q : open_) {
    std::erase_if(q.those, left);
    std::erase_if(q.next, left);
  }
  waiting_ -= ids.size();
  return ids;
}

} // namespace hubbub::broker
