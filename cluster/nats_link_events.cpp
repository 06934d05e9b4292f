#include "cluster/nats_link_impl.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace hubbub::cluster {
namespace {

// Who answers for what breaks in its threads is told by these names.
constexpr std::string_view delivery_part = "nats delivery";
constexpr std::string_view ack_prefix = "$JS.ACK.";

/// A moment up to `most` from now, another one for each node and connection.
std::chrono::steady_clock::time_point some_time_within(std::chrono::milliseconds most) {
  std::random_device any;
  return std::chrono::steady_clock::now() +
         std::chrono::milliseconds{std::uniform_int_distribution<std::int64_t>{0, most.count()}(any)};
}

} // namespace

void nats_link::impl::broke(std::string_view part, std::string_view why) noexcept {
  const auto wait = options.answers->crashed(part, why);
  look_again = true;
  if (wait.count() == 0)
    return;
  std::lock_guard lock{mutex};
  if (!anew_at)
    anew_at = std::chrono::steady_clock::now() + wait;
}

void nats_link::impl::on_message(natsConnection*, natsSubscription*, natsMsg* m, void* state) {
  const nats_msg_ptr owned{m};
  const auto& to = *static_cast<subscription::state*>(state);
  if (const auto self = to.of->lock())
    self->guard(delivery_part, [&to, m] { to.to(view_of(m)); });
}

void nats_link::impl::on_answer(natsConnection*, natsSubscription*, natsMsg* m, void* self) {
  const nats_msg_ptr owned{m};
  auto& link = **static_cast<std::shared_ptr<impl>*>(self);
  link.guard(delivery_part, [&link, m] { link.inbox_message(view_of(m)); });
}

void nats_link::impl::inbox_message(const nats_message& m) {
  std::uint64_t token = 0;
  // What a consumer delivers bears its own subject, and names the consumer in the reply.
  if (m.reply.starts_with(ack_prefix)) {
    const auto name = token_from_end(m.reply, 5);
    token = number_in(name.substr(std::min(name.size(), id.size() + 1)));
  } else if (m.subject.starts_with(inbox)) {
    token = number_in(m.subject.substr(inbox.size()));
  }
  answer_handler done;
  std::shared_ptr<const answer_filter> counts;
  std::shared_ptr<message_handler> many;
  {
    std::lock_guard lock{mutex};
    if (const auto one = answers.find(token); one != answers.end()) {
      counts = one->second.counts;
      if (!counts) {
        done = std::move(one->second.done);
        answers.erase(one);
      }
    } else if (const auto it = inboxes.find(token); it != inboxes.end()) {
      many = it->second;
    }
  }
  if (counts && (m.headers.status() == 503 || (*counts)(m)))
    done = take(token);
  if (done)
    done(m.headers.status() == 503 ? fate::nobody : fate::answered, m);
  else if (many)
    (*many)(m);
}

void nats_link::impl::came_back_as(std::string_view how) {
  // The library may answer no sooner than it has found, or lost, the next server: not under the mutex.
  const auto to = server_of(connection.get());
  {
    std::lock_guard lock{mutex};
    server = to;
    move_at.reset();
    lame_duck = false;
  }
  connected = true;
  log.info("nats", how, {{"server", to}});
  if (const auto why = why_too_small())
    log.limited(broker::log_level::error, "nats", "max-payload", why->message);
  if (watch.back)
    watch.back();
}

std::optional<link_state> nats_link::impl::state() {
  std::lock_guard lock{mutex};
  if (stopping)
    return std::nullopt;
  return link_state{server, connected, lame_duck};
}

void nats_link::impl::went_away() {
  if (leaving || !connected.exchange(false))
    return;
  std::string from;
  {
    std::lock_guard lock{mutex};
    from = server;
  }
  log.limited(broker::log_level::warn, "nats", "lost", "the connection to NATS is lost; trying again",
              {{"server", from}});
  give_up_all();
  if (watch.lost)
    watch.lost();
}

void nats_link::impl::closed() {
  went_away();
  std::lock_guard lock{mutex};
  refused_for_good = true;
  work.notify_all();
  over.notify_all();
}

void nats_link::impl::dropped() {
  log.limited(broker::log_level::warn, "nats", "dropped",
              "messages came faster than they could be handled, and some were dropped");
  if (watch.dropped)
    watch.dropped();
}

void nats_link::impl::going_down() {
  ++options.links->lame_ducks;
  std::string ending;
  {
    std::lock_guard lock{mutex};
    move_at = some_time_within(options.every.lame_duck);
    lame_duck = true;
    ending = server;
  }
  log.info("nats", "the server is about to end, and asks its clients to go elsewhere", {{"server", ending}});
}

} // namespace hubbub::cluster
