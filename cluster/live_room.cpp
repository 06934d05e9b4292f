#include "cluster/live_room.hpp"

#include "cluster/attempts.hpp"
#include "cluster/nats_event.hpp"

#include <mutex>
#include <utility>

namespace hubbub::cluster {
namespace {

using broker::log_level;

// What does not fit waits for the next message.
constexpr std::size_t most_message_bytes = 256 << 10;
static_assert(most_message_bytes + (32 << 10) < most_between_nodes);
// What waits while NATS does not take it; the newest are lost, and counted by those who get the others.
constexpr std::size_t most_waiting_bytes = 4 << 20;

} // namespace

live_room::live_room(std::shared_ptr<jetstream_context> with, broker::room_name name,
                     std::shared_ptr<broker::event_bus_handler> handler)
    : with_{std::move(with)},
      name_{std::move(name)},
      life_{with_->new_life()},
      handler_{std::move(handler)} {}

void live_room::open(const std::string& epoch) {
  calls_.run([self = shared_from_this(), epoch] {
    using ear = nats_link::listener;
    auto& link = *self->with_->link;
    const auto& names = self->with_->names;
    self->subscription_ =
        link.subscribe(names.live(self->name_), ear::of<&live_room::message_came>(std::weak_ptr{self}));
    self->backends_ =
        link.subscribe(names.in(self->name_), ear::of<&live_room::backend_came>(std::weak_ptr{self}));
    // The server answers what it is asked behind a subscription when it has that; that nobody listens will
    // do.
    self->with_->link->request(self->with_->names.nobody(), {}, {},
                               [self, epoch](nats_link::fate, const nats_message&) { self->opened(epoch); });
  });
}

void live_room::opened(const std::string& epoch) {
  calls_.run([self = shared_from_this(), epoch] {
    if (!self->over_)
      self->handler_->on_ready({epoch, 0});
  });
}

void live_room::end() {
  calls_.run([self = shared_from_this()] {
    self->over_ = true;
    self->subscription_.reset();
    self->backends_.reset();
  });
}

void live_room::refuse(broker::publish_token token, std::string event_id) {
  calls_.run([self = shared_from_this(), token, id = std::move(event_id)]() mutable {
    self->handler_->on_refused(token, {{broker::errc::internal, "a live room has no log to publish to"},
                                       broker::publish_outcome::not_stored,
                                       std::move(id)});
  });
}

// -- to the others --------------------------------------------------------------------

void live_room::broadcast(const broker::event& e) {
  auto copy = std::make_shared<broker::stored_event>();
  static_cast<broker::event&>(*copy) = e;
  if (copy->event_id.empty())
    copy->event_id = with_->new_event_id();
  const auto bytes = static_cast<std::uint32_t>(broker::most_frame_bytes(e));
  std::lock_guard lock{mutex_};
  if (next_bytes_ + bytes > most_waiting_bytes || !with_->link->is_connected()) {
    // Whoever gets the next ones sees by their numbers that something is missing.
    if (next_.empty())
      ++first_;
    else
      next_.push_back(nullptr);
    return;
  }
  const auto is_first = next_.empty();
  next_.push_back(std::move(copy));
  next_bytes_ += bytes;
  // The thread that sends takes all that was said by the time it comes to it.
  if (is_first)
    with_->link->post([self = shared_from_this()] { self->flush(); });
}

void live_room::flush() {
  live_batch part;
  part.node = with_->options.node;
  part.incarnation = with_->incarnation(life_);
  std::vector<std::shared_ptr<broker::stored_event>> all;
  {
    std::lock_guard lock{mutex_};
    next_bytes_ = 0;
    all.swap(next_);
    part.first = first_;
    first_ += all.size();
  }
  std::size_t bytes = 0;
  const auto send = [&] {
    const auto next = part.first + part.events.size();
    if (!part.events.empty())
      with_->link->send(with_->names.live(name_), {}, encode_live(part));
    part.events.clear();
    part.first = next;
    bytes = 0;
  };
  for (auto& e : all) {
    if (!e) { // lost already
      send();
      ++part.first;
      continue;
    }
    const auto more = broker::most_frame_bytes(*e);
    if (bytes + more > most_message_bytes || part.events.size() == most_events_in_batch)
      send();
    bytes += more;
    part.events.push_back(std::move(e));
  }
  send();
}

// -- from the others ------------------------------------------------------------------

void live_room::message_came(const nats_message& m) {
  auto b = decode_live(m.data, name_);
  if (!b) {
    ++with_->counters.foreign;
    return with_->log.limited(log_level::warn, "nats", "foreign-live",
                              "a message of a live room is not what nodes say", {{"room", name_.str()}});
  }
  if (with_->is_own(b->incarnation))
    return;
  calls_.run([self = shared_from_this(), b = std::move(*b)]() mutable { self->arrived(std::move(b)); });
}

void live_room::backend_came(const nats_message& m) {
  // A stream would have refused it.
  if (m.data.size() > with_->options.payload_bytes) {
    ++with_->counters.foreign;
    return with_->log.limited(log_level::warn, "nats", "large-live",
                              "a message for a live room has more bytes than an event may have",
                              {{"room", name_.str()}, {"bytes", m.data.size()}});
  }
  event_flaws flaws;
  auto e = event_of(name_, m.headers, m.data, {}, {}, flaws);
  with_->note(flaws, name_);
  if (m.headers.last("Hubbub-Id").empty()) // there is no offset to name it by
    e->event_id = with_->new_event_id();
  if (e->time_ms == 0)
    e->time_ms = with_->time.unix_ms();
  calls_.run([self = shared_from_this(), e = std::move(e)]() mutable {
    if (!self->over_ && !self->handler_->on_event(std::move(e)))
      self->lost(1);
  });
}

void live_room::arrived(live_batch b) {
  if (over_)
    return;
  const auto heard = senders_.hear(b.incarnation, b.first, b.events.size());
  if (heard.is_doubtful) {
    ++with_->counters.foreign;
    return with_->log.limited(
        log_level::warn, "nats", "far-live",
        "a message of a live room leaves out more events than are believed to be lost at "
        "once; the next one tells",
        {{"room", name_.str()}, {"sender", b.incarnation}});
  }
  if (heard.lost != 0)
    lost(heard.lost);
  // Nobody sends it again, so what breaks is lost as well.
  attempts made;
  auto not_taken = b.events.size() - heard.passed_over;
  for (auto i = heard.passed_over; i < b.events.size(); ++i)
    if (auto& e = b.events[i])
      made.make([&] { not_taken -= handler_->on_event(std::move(e)) ? 1 : 0; });
  if (not_taken != 0)
    lost(not_taken);
  made.rethrow();
}

void live_room::lost(std::uint64_t count) {
  with_->counters.live_lost += count;
  handler_->on_lost(count);
}

} // namespace hubbub::cluster
