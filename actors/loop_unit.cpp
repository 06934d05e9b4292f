#include "actors/loop_unit.hpp"

#include "actors/connection_actor.hpp"
#include "actors/room_actor.hpp"
#include "actors/room_directory.hpp"

#include <algorithm>
#include <utility>

namespace hubbub::actors {
namespace {

// A turn decides so much, then goes back to its sockets.
constexpr std::size_t most_letters = 4096;
constexpr std::size_t most_resumes = 1024;
// Writes to the readers of one room before the loop looks at its sockets again: an eighth of them, within
// bounds. Of what is published meanwhile those who are still to come get more in one write, the others wait
// for the next round: half as long on average, and nothing else waits for a large room. Fewer cost more turns
// than they are worth.
constexpr std::size_t slices = 8;
constexpr std::size_t least_writes = 32;
constexpr std::size_t most_writes = 128;
// As a part of 2^32: its multiples fall as evenly as can be, however many there are (Knuth, volume 3, 6.4).
constexpr std::uint32_t golden_ratio = 0x9e3779b9;
// Messages that a room takes at once.
constexpr std::size_t room_throughput = 128;
// Rooms that one tick asks whether they may end.
constexpr std::size_t most_swept = 10'000;

std::size_t slice_of(std::size_t readers) { return std::clamp(readers / slices, least_writes, most_writes); }

template <class T>
void append(std::vector<T>& to, std::vector<T>& from) {
  if (to.empty())
    to.swap(from);
  else {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
    from.clear();
  }
}

broker::disconnect began_anew() {
  return {broker::close_code::evicted, "the room's log began anew: join again", broker::retry_soon_ms};
}

} // namespace

loop_unit::loop_unit(broker::loop& loop, node_context& node)
    : caf::execution_unit{nullptr},
      loop_{loop},
      node_{node},
      inbox_{loop},
      parser_{{node.bounds.payload_bytes}},
      wheel_{node.time.now()},
      puller_{node, *this},
      delivery_{puller_} {}

loop_unit::~loop_unit() = default;

void loop_unit::drop_all() {
  inbox_.take_now(taken_);
  append(ready_, taken_.ready);
  append(letters_, taken_.letters);
  append(news_, taken_.news);
  append(presence_, taken_.presence);
  taken_.jobs.clear();
  // Whoever is in the list holds a reference for being there.
  for (auto* job : std::exchange(ready_, {}))
    caf::intrusive_ptr_release(job);
  letters_.clear();
  news_.clear();
  presence_.clear();
  idle_.clear();
}

// -- CAF and other threads --------------------------------------------------------

void loop_unit::exec_later(caf::resumable* job) {
  if (loop_.on_this_thread()) {
    ready_.push_back(job);
    return;
  }
  inbox_.put(&loop_inbox::contents::ready, job);
}

void loop_unit::deliver(caf::strong_actor_ptr to, caf::mailbox_element_ptr what) {
  if (loop_.on_this_thread()) {
    letters_.push_back({std::move(to), std::move(what)});
    return;
  }
  inbox_.put(&loop_inbox::contents::letters, loop_inbox::mail{std::move(to), std::move(what)});
}

void loop_unit::post(std::function<void()> job) { inbox_.put(&loop_inbox::contents::jobs, std::move(job)); }

void loop_unit::tell_news(const broker::feed_ptr& from) {
  if (loop_.on_this_thread())
    return put_news(from);
  inbox_.put(&loop_inbox::contents::news, from);
}

void loop_unit::tell_presence(const broker::feed_ptr& from) {
  inbox_.put(&loop_inbox::contents::presence, from);
}

void loop_unit::take_inbox() {
  if (!inbox_.take(taken_))
    return;
  append(ready_, taken_.ready);
  append(letters_, taken_.letters);
  for (const auto& from : taken_.news)
    put_news(from);
  taken_.news.clear();
  for (const auto& from : taken_.presence)
    put_presence(from);
  taken_.presence.clear();
  // A job may post another; that one is for the next turn.
  for (auto& job : std::exchange(taken_.jobs, {}))
    job();
}

// -- the turn -----------------------------------------------------------------------

void loop_unit::decide() {
  take_inbox();
  auto letters = most_letters;
  auto resumes = most_resumes;
  while ((!letters_.empty() && letters > 0) || (!ready_.empty() && resumes > 0)) {
    reading_.swap(letters_);
    for (auto& m : reading_) {
      static_cast<connection_actor*>(m.to->get())->read_letter(*m.what);
      letters -= letters > 0 ? 1 : 0;
    }
    reading_.clear();
    run_ready(resumes);
  }
}

void loop_unit::run_ready(std::size_t& budget) {
  running_.swap(ready_);
  for (std::size_t i = 0; i < running_.size(); ++i) {
    if (budget == 0) { // the others next turn, before those that came meanwhile
      ready_.insert(ready_.begin(), running_.begin() + static_cast<std::ptrdiff_t>(i), running_.end());
      break;
    }
    --budget;
    auto* job = running_[i];
    switch (job->resume(this, room_throughput)) {
    case caf::resumable::resume_later:
      ready_.push_back(job);
      break;
    case caf::resumable::shutdown_execution_unit:
      break;
    case caf::resumable::done:
    case caf::resumable::awaiting_message:
      caf::intrusive_ptr_release(job);
      break;
    }
  }
  running_.clear();
}

bool loop_unit::wants_another() const noexcept {
  return !ready_.empty() || !letters_.empty() || !news_.empty() || !presence_.empty() || inbox_.has_mail();
}

void loop_unit::send_news() {
  sending_.swap(news_);
  const auto alone = sending_.size() <= 1;
  for (const auto& from : sending_) {
    const auto more = from->take_news(index());
    auto* a = from->on(index());
    if (!a)
      continue;
    if (more)
      a->begin_round();
    const auto before = a->left();
    a->has_news = !delivery_.walk(*a, alone, marked_, slice_of(a->size()));
    count_lap(*a, before - a->left());
    if (a->has_news)
      news_.push_back(from);
  }
  sending_.clear();
  delivery_.send_marked(marked_);
  show_presence_on();
}

void loop_unit::show_presence_on() {
  showing_.swap(presence_);
  for (const auto& from : showing_) {
    auto* a = from->on(index());
    if (!a)
      continue;
    for (auto* r : a->next_presence(slice_of(a->presence_readers())))
      show_presence(*r);
    if (a->presence_left() > 0)
      presence_.push_back(from);
  }
  showing_.clear();
}

void loop_unit::count_lap(broker::audience& a, std::size_t visited) {
  auto& lap = a.under_way;
  if (!a.has_news && lap.visited == 0)
    return; // all in one turn
  if (lap.visited == 0)
    lap.since = loop_.now();
  lap.visited += visited;
  if (a.has_news && lap.visited < a.size())
    return;
  loop_.waited(loop_.now() - lap.since);
  lap.visited = 0;
}

void loop_unit::send_now(const broker::feed_ptr& from) {
  // Its news stays marked: what comes after this is sent in the next round.
  if (auto* a = from->on(index())) {
    a->begin_round();
    delivery_.walk(*a, true, marked_);
  }
}

void loop_unit::show_presence(broker::reader& r) {
  if (r.to->wire->blocked() || r.to->wire->control_bytes() > little_control)
    return; // the mark is its version: it asks again when its lane is empty
  const auto view = r.feed().presence();
  // Who has just joined knows more than what the room showed last.
  if (!view || view->version() <= r.presence_version)
    return;
  if (const auto text = view->text_since(r.presence_version))
    r.to->wire->control(*text);
  r.presence_version = view->version();
}

void loop_unit::tick(broker::steady_time now) {
  // Few at a time, so that a burst of timers does not hold up the turn; the rest comes with the next tick.
  std::ignore = wheel_.advance(
      now, [now](broker::timer_node& n) { static_cast<connection_timer&>(n).owner->on_timer(now); }, 10'000);
  puller_.retry();
  for (std::size_t i = 0; i < most_swept; ++i) {
    const auto room = idle_.take(now);
    if (!room)
      break;
    static_cast<room_actor*>(caf::actor_cast<caf::abstract_actor*>(room))
        ->tell(nudge{nudge::to::sweep}, this);
  }
}

// -- readers --------------------------------------------------------------------------

broker::audience* loop_unit::audience_of(const broker::room_name& room) {
  const auto found = audiences_.find(room);
  // A set shows what it has as constant, though only the room's name has to be.
  return found == audiences_.end() ? nullptr : const_cast<broker::audience*>(&*found);
}

void loop_unit::seat(broker::reader& r, const broker::feed_ptr& told, broker::cursor at) {
  auto from = told;
  while (auto next = from->replaced_by())
    from = std::move(next);
  auto* found = audience_of(from->room());
  if (!found) {
    audiences_.emplace(from, index());
    found = audience_of(from->room());
  } else if (found->from().serial() < from->serial()) {
    move(*found, from); // the room was rebuilt meanwhile
  }
  auto& a = *found;
  a.add(r, at, told->serial());
  if (told->epoch() != a.from().epoch())
    r.to->wire->close(began_anew());
  news_of(a);
  if (r.pulling)
    delivery_.send_to(r);
}

void loop_unit::unseat(broker::reader& r) {
  puller_.forget(r);
  auto* a = r.in;
  if (!a)
    return;
  a->remove(r);
  if (a->empty())
    audiences_.erase(audiences_.find(a->from().room()));
}

void loop_unit::put_presence(const broker::feed_ptr& from) {
  if (auto* a = from->on(index()); a && a->begin_presence())
    presence_.push_back(from);
}

void loop_unit::put_news(const broker::feed_ptr& from) {
  // Once, though it may have an event and somebody who joined in the same turn.
  auto* a = from->on(index());
  if (!a || !std::exchange(a->has_news, true))
    news_.push_back(from);
}

void loop_unit::news_of(const broker::audience& a) { put_news(a.shared_feed()); }

// -- connections ----------------------------------------------------------------------

void loop_unit::add(connection_actor& c) {
  c.place_in_loop = connections_.size();
  connections_.push_back(&c);
  at_home_.fetch_add(1, std::memory_order_relaxed);
}

void loop_unit::remove(connection_actor& c) {
  connections_[c.place_in_loop] = connections_.back();
  connections_[c.place_in_loop]->place_in_loop = c.place_in_loop;
  connections_.pop_back();
  if (!c.is_sent_home())
    at_home_.fetch_sub(1, std::memory_order_relaxed);
}

void loop_unit::send_home(std::uint32_t most, broker::milliseconds spread) {
  post([this, most, spread] {
    const auto span = static_cast<std::uint64_t>(std::max<std::int64_t>(spread.count(), 1));
    auto left = most;
    // Places move while some leave: once from where it stopped, and once from the start.
    for (auto round = 0; round < 2 && left > 0; ++round) {
      for (; next_home_ < connections_.size() && left > 0; ++next_home_) {
        auto& c = *connections_[next_home_];
        // Evenly, whoever goes when: random times would come together now and then, and the pace is what the
        // others can bear.
        const auto nth = sent_home_ * static_cast<std::uint32_t>(node_.loops.size()) + index() + 1;
        const std::uint32_t part = nth * golden_ratio;
        if (!c.send_home(static_cast<std::uint32_t>(part * span >> 32) + 1))
          continue;
        ++sent_home_;
        at_home_.fetch_sub(1, std::memory_order_relaxed);
        --left;
      }
      if (next_home_ >= connections_.size())
        next_home_ = 0;
    }
  });
}

// -- a room's crash ---------------------------------------------------------------------

void loop_unit::room_lost(const broker::room_name& room, broker::milliseconds wait) {
  for (std::size_t i = 0; i < connections_.size(); ++i)
    connections_[i]->room_lost(room);
  auto* found = audience_of(room);
  if (!found)
    return;
  adopt_message m{true, index(), {}};
  if (wait.count() != 0)
    return send_away(*found, {broker::close_code::overloaded, "a room keeps failing",
                              static_cast<std::uint32_t>(wait.count())});
  for (std::size_t f = 0; f < broker::wire_formats; ++f)
    for (auto& s : found->seats(static_cast<broker::wire_format>(f)))
      m.readers.push_back(joined_room::of(*s.who).as_adopted());
  if (m.readers.empty() || node_.rooms->offer(room, m, this) == broker::errc::ok)
    return;
  // Its mailbox is full of requests, so it does not end: its readers take the lane that is never refused.
  m.counted = false;
  node_.rooms->resolve(room)->tell(std::move(m), this);
}

void loop_unit::move(broker::audience& a, const broker::feed_ptr& to) {
  // What its readers have of another life of the log means nothing on the new tape.
  if (a.from().epoch() != to->epoch())
    send_away(a, began_anew());
  a.move_to(to);
}

void loop_unit::send_away(broker::audience& a, const broker::disconnect& why) {
  for (std::size_t f = 0; f < broker::wire_formats; ++f)
    for (auto& s : a.seats(static_cast<broker::wire_format>(f)))
      s.wire->close(why);
}

void loop_unit::adopt(const broker::feed_ptr& from) {
  auto* found = audience_of(from->room());
  if (!found)
    return;
  auto& a = *found;
  if (a.from().serial() < from->serial())
    move(a, from);
  else
    a.place_rest();
  news_of(a);
  for (std::size_t f = 0; f < broker::wire_formats; ++f)
    for (auto& s : a.seats(static_cast<broker::wire_format>(f)))
      if (s.who->pulling)
        delivery_.send_to(*s.who);
}

} // namespace hubbub::actors
