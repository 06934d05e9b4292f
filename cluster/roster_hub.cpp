#include "cluster/roster_hub.hpp"

#include "broker/session_id.hpp"

#include <algorithm>
#include <future>

namespace hubbub::cluster {
namespace {

using broker::owner_id;

// A node that closes waits at most so long for its farewell to go out.
constexpr std::chrono::milliseconds farewell_time{200};

owner_id new_owner() {
  for (;;)
    if (const auto id = broker::session_id::random().value; id != 0)
      return id;
}

/// In so many beats a part is named: a node that hears none of them was without us for a lease.
std::uint32_t beats_in_lease(const roster_options& o) {
  return static_cast<std::uint32_t>(o.lease / std::max(o.beat, broker::milliseconds{1})) + 2;
}

} // namespace

roster_hub::turn::turn(roster_hub& hub) : hub_{hub}, held_{hub.mutex_} {
  if (!hub_.closed_)
    hub_.now_ = std::max(hub_.now_, hub_.time_.now());
}

roster_hub::turn::~turn() noexcept(false) {
  if (!hub_.closed_) {
    hub_.send_asks();
    hub_.send_occupancy();
  }
  hub_.calls_.run(held_);
}

roster_hub::roster_hub(std::string node, const roster_options& options, subjects names,
                       const broker::clock& time, broker::log_sink& log, std::unique_ptr<nats_link> link)
    : node_{std::move(node)},
      options_{options},
      names_{std::move(names)},
      time_{time},
      log_{log},
      link_{std::move(link)},
      self_{new_owner()},
      started_ms_{time.unix_ms()},
      members_{self_, options.lease, options.nodes},
      own_beats_{options.lease},
      told_{beats_in_lease(options)},
      asks_{options.asks_per_second} {
  if (!options.tells_occupied && !options.tells_vacated)
    return;
  occupancy_options how;
  how.lease = options.lease;
  how.say_again = options.ask_again;
  occupancy_.emplace(self_, how);
}

void roster_hub::start() {
  // What is called from the link's threads holds nothing that is gone when the bus is.
  const auto weakly = [weak = weak_from_this()](auto f) {
    return [weak, f](const auto&... with) {
      if (const auto hub = weak.lock())
        f(*hub, with...);
    };
  };
  nats_link::observer o;
  o.back = weakly([](roster_hub& h) { h.on_back(); });
  o.dropped = weakly([](roster_hub& h) { h.on_dropped(); });
  o.tick = weakly([](roster_hub& h) { h.tick(); });
  link_->observe(std::move(o));
  const turn now{*this};
  settled_ = occupancy_counts_ = now_ + 2 * options_.beat;
  beats_ =
      link_->subscribe(names_.beats(), weakly([](roster_hub& h, const nats_message& m) { h.on_beats(m); }));
  own_ = link_->subscribe(names_.to_node(self_),
                          weakly([](roster_hub& h, const nats_message& m) { h.on_own(m); }));
  beat();
}

void roster_hub::close() {
  std::vector<broker::room_name> vacated;
  {
    const turn now{*this};
    if (closed_)
      return;
    if (occupancy_) {
      tick_occupancy(); // who there is by now
      vacated = occupancy_->last_words();
      occupancy_.reset();
    }
    // A last sign of life instead of a farewell: whoever was here is expected elsewhere until the lease ends.
    if (draining_)
      beat();
    closed_ = true;
  }
  if (link_->is_connected()) {
    for (const auto& room : vacated)
      tell_backends(room, false);
    if (!draining_)
      link_->send(names_.beats(), {}, write_presence(farewell_message{self_}));
    // Nobody has the subject of owner 0: what says so comes when the farewell has gone.
    auto gone = std::make_shared<std::promise<void>>();
    auto answered = gone->get_future();
    link_->request(names_.to_node(0), {}, {}, [gone](auto, const auto&) { gone->set_value(); });
    answered.wait_for(farewell_time);
  }
  link_->close();
}

// -- rooms -----------------------------------------------------------------------------

std::uint64_t roster_hub::want(const broker::room_name& name,
                               std::shared_ptr<broker::roster_bus_handler> handler) {
  const turn now{*this};
  if (closed_)
    return 0;
  auto room = room_ptr{};
  if (auto* there = rooms_.known(name)) {
    room = there->shared_from_this();
  } else {
    if (!way_)
      way_ = new way_to<roster_hub>{weak_from_this()};
    room = std::make_shared<roster_room>(way_, name);
    rooms_.add(room);
  }
  room->life = ++lives_;
  room->handler = std::move(handler);
  room->heard.clear(pieces_bytes_);
  room->is_silent = true;
  room->is_synced = false;
  room->awaited.reset();
  if (room->has_people) // of the interest before this; this one has a moment to say who is still here
    take_backs_.push_back({now_ + options_.take_back, room, room->life});
  syncs_.push_back({now_ + options_.sync, room, room->life});
  open(room);
  count_nodes(room);
  return room->life;
}

void roster_hub::end(const broker::room_name& name, std::uint64_t life) {
  std::shared_ptr<broker::roster_bus_handler> last; // goes without the mutex
  const turn now{*this};
  auto* room = rooms_.find(name, life);
  if (room == nullptr)
    return;
  const auto kept = room->shared_from_this();
  last = std::exchange(room->handler, nullptr);
  // A call can be copied, and a subscription not.
  calls_.add([subscribed = std::make_shared<nats_link::subscription>(std::move(room->subscribed))] {});
  room->heard.clear(pieces_bytes_);
  room->is_synced = true;
  room->awaited.reset();
  if (room->has_people && !closed_)
    take_backs_.push_back({now_ + options_.take_back, kept, life});
  else
    rooms_.drop(kept);
}

void roster_hub::tell(const broker::room_name& name, std::uint64_t life, broker::roster_part own) {
  const turn now{*this};
  auto* room = rooms_.find(name, life);
  if (room == nullptr || closed_)
    return;
  if (std::exchange(room->is_silent, false)) {
    // Nothing that this interest told stands before it.
    own.whole = true;
    own.gone.clear();
  }
  room->has_people = own.count != 0;
  const auto number = next_number(*room);
  ++counters_.told;
  send_part(names_.presence(name), *room, number, std::move(own));
}

void roster_hub::answer(const broker::room_name& name, std::uint64_t life, const broker::roster_asker& who,
                        broker::roster_part all) {
  const turn now{*this};
  const auto asker = broker::session_id::parse(who);
  auto* room = rooms_.find(name, life);
  if (room == nullptr || closed_ || !asker)
    return;
  all.whole = true;
  all.gone.clear();
  send_part(names_.to_node(asker.value), *room, room->number == 0 ? tells_ : room->number, std::move(all));
}

std::uint64_t roster_hub::next_number(roster_room& room) {
  ++tells_;
  room.number = room.number == 0 ? tells_ : room.number + 1;
  told_.note(room.key, room.number);
  return room.number;
}

void roster_hub::send_part(std::string subject, const roster_room& room, std::uint64_t number,
                           broker::roster_part part) {
  part.owner = self_;
  part_message m;
  m.room = room.name;
  m.number = number;
  m.part = std::move(part);
  calls_.add([self = shared_from_this(), subject = std::move(subject), m = std::move(m)]() mutable {
    for (const auto& piece : split(std::move(m), self->options_.piece_bytes))
      self->link_->send(subject, {}, write_presence(piece));
  });
}

void roster_hub::take_back(roster_room& room) {
  broker::roster_part nobody;
  nobody.whole = true;
  room.has_people = false;
  send_part(names_.presence(room.name), room, next_number(room), std::move(nobody));
}

// -- time ------------------------------------------------------------------------------

void roster_hub::tick() {
  const turn now{*this};
  if (closed_)
    return;
  beat_if_due();
  membership::changes changes;
  // All that comes to this process goes through one thread: who waits behind a backlog of events is not
  // silent.
  members_.expire(now_, changes, own_beats_.late(now_, link_->is_connected()));
  apply(changes);
  if (ask_everything_at_ && *ask_everything_at_ <= now_) {
    ask_everything_at_.reset();
    ask_everything();
  }
  sync_due();
  take_back_due();
  chase_again();
  tick_occupancy();
}

void roster_hub::beat_if_due() {
  if (now_ < next_beat_)
    return;
  if (now_ - next_beat_ > options_.lease / 2) {
    // We were stopped. The others may have let go of us; what they said meanwhile is still to be read.
    members_.excuse(now_, 2 * options_.beat);
    occupancy_counts_ = now_ + 2 * options_.beat;
    ask_everything();
  }
  beat();
}

void roster_hub::beat() {
  last_beat_ = now_;
  next_beat_ = now_ + options_.beat;
  if (!link_->is_connected())
    return; // what it would name must be named in one that goes out
  beat_message m;
  m.node = node_;
  m.owner = self_;
  m.started_ms = started_ms_;
  m.sequence = ++sequence_;
  m.draining = draining_;
  m.keeps_occupancy = occupancy_.has_value();
  m.told = told_.next(options_.told_in_beat);
  own_beats_.sent(m.sequence, now_);
  calls_.add([self = shared_from_this(), m = std::move(m)] {
    self->link_->send(self->names_.beats(), {}, write_presence(m));
  });
}

void roster_hub::sync_due() {
  for (; !syncs_.empty() && syncs_.front().when <= now_; syncs_.pop_front()) {
    const auto& d = syncs_.front();
    if (d.room->life != d.life || d.room->is_synced)
      continue;
    ask_silent(*d.room);
    sync(*d.room);
  }
}

void roster_hub::take_back_due() {
  for (; !take_backs_.empty() && take_backs_.front().when <= now_; take_backs_.pop_front()) {
    const auto& d = take_backs_.front();
    // One that is wanted again has told for itself, or nobody has come back.
    if (d.room->life != d.life || !d.room->has_people || (d.room->handler && !d.room->is_silent))
      continue;
    take_back(*d.room);
    if (!d.room->handler)
      rooms_.drop(d.room);
  }
}

void roster_hub::on_back() {
  const turn now{*this};
  if (closed_)
    return;
  occupancy_counts_ = now_ + 2 * options_.beat;
  ask_everything();
  beat();
}

void roster_hub::on_dropped() {
  const turn now{*this};
  if (!ask_everything_at_)
    ask_everything_at_ = now_ + options_.beat / 2;
}

void roster_hub::drain() {
  const turn now{*this};
  if (!std::exchange(draining_, true) && !closed_)
    beat();
}

std::vector<living_node> roster_hub::nodes() const {
  const std::lock_guard lock{mutex_};
  std::vector<living_node> all;
  for (const auto& [_, node] : members_.alive())
    all.push_back(node);
  return all;
}

bool roster_hub::knows_nodes() const {
  const std::lock_guard lock{mutex_};
  return link_->is_connected() && time_.now() >= settled_ &&
         std::ranges::none_of(members_.alive(), [](const auto& m) { return m.second.name.empty(); });
}

} // namespace hubbub::cluster
