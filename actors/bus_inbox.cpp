#include "actors/bus_inbox.hpp"

#include "actors/messages.hpp"
#include "actors/room_actor.hpp"

#include <mutex>
#include <utility>

namespace hubbub::actors {
namespace {

/// Names the running thread; cheaper to compare than an id.
const void* this_thread() noexcept {
  static thread_local char here;
  return &here;
}

} // namespace

void bus_inbox::belongs_to(room_actor* room) {
  room_ = room;
  address_ = caf::actor_cast<caf::weak_actor_ptr>(room);
}

bus_inbox::calling::calling(bus_inbox& in) noexcept
    : in_{in}, before_{in.caller_.exchange(this_thread(), std::memory_order_relaxed)} {}

bus_inbox::calling::~calling() { in_.caller_.store(before_, std::memory_order_relaxed); }

bool bus_inbox::in_place() const noexcept {
  // Only this thread ever stores this thread's name, so the order of memory does not matter.
  return caller_.load(std::memory_order_relaxed) == this_thread();
}

std::vector<bus_inbox::item> bus_inbox::take() {
  std::lock_guard hold{mutex_};
  told_ = false;
  events_ = 0;
  return std::exchange(items_, {});
}

broker::read_handler bus_inbox::through(std::shared_ptr<bus_inbox> in, broker::read_handler done) {
  return [in = std::move(in), done = std::move(done)](broker::read_result r) mutable {
    in->put(read_done{std::move(done), std::move(r)});
  };
}

bool bus_inbox::on_event(broker::stored_event_ptr e) {
  if (in_place())
    return room_->event_came(e);
  {
    std::lock_guard hold{mutex_};
    if (events_ == most_events) {
      items_.emplace_back(missed{});
      ++events_; // once; until the room has looked, more are refused silently
    }
    if (events_ > most_events)
      return false;
    ++events_;
    items_.emplace_back(std::move(e));
    if (std::exchange(told_, true))
      return true;
  }
  tell();
  return true;
}

void bus_inbox::on_lost(std::uint64_t count) {
  if (!in_place()) {
    // What is lost while the room is busy is one number, however often it is said.
    std::lock_guard hold{mutex_};
    if (auto* last = items_.empty() ? nullptr : std::get_if<lost>(&items_.back())) {
      last->count += count;
      return;
    }
  }
  put(lost{count});
}

void bus_inbox::put(item i) {
  if (in_place())
    return room_->handle(i);
  {
    std::lock_guard hold{mutex_};
    items_.push_back(std::move(i));
    if (std::exchange(told_, true))
      return;
  }
  tell();
}

void bus_inbox::tell() {
  if (auto room = caf::actor_cast<caf::strong_actor_ptr>(address_))
    room->enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, nudge{nudge::to::read_bus}),
                  nullptr);
}

} // namespace hubbub::actors
