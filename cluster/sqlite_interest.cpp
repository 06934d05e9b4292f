#include "cluster/sqlite_interest.hpp"

#include "cluster/dedup_table.hpp"

#include <utility>

namespace hubbub::cluster {

sqlite_interest::sqlite_interest(std::shared_ptr<sqlite_shared> shared, const broker::room_name& room,
                                 std::shared_ptr<broker::event_bus_handler> handler)
    : shared_{std::move(shared)},
      mine_{std::make_shared<sqlite_subscription>(room, shared_->spaces.of(room), std::move(handler))} {
  write_task task;
  task.what = write_task::kind::want;
  task.who = mine_;
  if (shared_->queue.push(std::move(task)) != write_queue::answer::taken)
    mine_->tell([](auto& to) { to.on_unavailable({broker::errc::unavailable, "the log is closed"}); });
}

sqlite_interest::~sqlite_interest() {
  mine_->ended.store(true, std::memory_order_release);
  write_task task;
  task.what = write_task::kind::forget;
  task.who = mine_;
  // A closed log has forgotten it already.
  static_cast<void>(shared_->queue.push(std::move(task)));
}

void sqlite_interest::publish(broker::publish_token token, broker::event e) {
  write_task task;
  task.what = write_task::kind::publish;
  task.who = mine_;
  task.token = token;
  task.named = !e.event_id.empty();
  if (task.named && mine_->rules.dedup_window.count() > 0)
    task.id = identity(shared_->key, e);
  task.event = std::make_shared<broker::stored_event>();
  static_cast<broker::event&>(*task.event) = std::move(e);
  if (task.event->time_ms == 0)
    task.event->time_ms = shared_->clock.unix_ms();

  const auto asked = task.event;
  const auto answer = shared_->queue.push(std::move(task));
  if (answer == write_queue::answer::taken)
    return;
  broker::publish_refused refused;
  refused.why =
      answer == write_queue::answer::full
          ? broker::refusal{broker::errc::overloaded, "the log writes more slowly than is published", 250}
          : broker::refusal{broker::errc::unavailable, "the log is closed"};
  refused.event_id = asked->event_id;
  // The handler may end the interest.
  const auto mine = mine_;
  mine->tell([token, refused = std::move(refused)](auto& handler) mutable {
    handler.on_refused(token, std::move(refused));
  });
}

void sqlite_interest::broadcast(const broker::event&) {
  // There are no other nodes.
}

} // namespace hubbub::cluster
