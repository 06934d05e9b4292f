#include "actors/loop_actor.hpp"

#include "broker/supervisor.hpp"

#include <caf/actor_control_block.hpp>
#include <caf/execution_unit.hpp>
#include <caf/sec.hpp>

#include <exception>
#include <utility>

namespace hubbub::actors {

loop_actor::loop_actor(caf::actor_config& cfg) : caf::monitorable_actor{cfg} {
  // It sleeps until its first message, which then has it run.
  std::ignore = inbox_.try_block();
}

loop_actor::~loop_actor() = default;

void loop_actor::enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) {
  if (inbox_.push_front(std::move(what)) != caf::intrusive::inbox_result::unblocked_reader)
    return;
  intrusive_ptr_add_ref(ctrl()); // whoever runs it lets go of that
  host->exec_later(this);
}

void loop_actor::enqueue(caf::strong_actor_ptr sender, caf::message_id id, caf::message content,
                         caf::execution_unit* host) {
  enqueue(caf::make_mailbox_element(std::move(sender), id, {}, std::move(content)), host);
}

caf::mailbox_element_ptr loop_actor::next() noexcept {
  if (!taken_) {
    // The inbox has the newest first.
    for (auto* one = inbox_.take_head(); one;) {
      auto* const later = std::exchange(one->next, taken_);
      taken_ = one;
      one = static_cast<caf::mailbox_element*>(later);
    }
  }
  if (!taken_)
    return nullptr;
  auto* const first = std::exchange(taken_, static_cast<caf::mailbox_element*>(taken_->next));
  first->next = nullptr;
  return caf::mailbox_element_ptr{first};
}

void loop_actor::read_one(caf::mailbox_element& what) {
  try {
    if (!std::exchange(begun_, true))
      begin();
    read(what);
  } catch (const std::exception& e) {
    quit(caf::make_error(caf::sec::runtime_error, e.what()));
  } catch (...) {
    quit(caf::make_error(caf::sec::runtime_error, broker::strange_exception));
  }
}

caf::resumable::resume_result loop_actor::resume(caf::execution_unit* at, std::size_t most) {
  if (getf(is_cleaned_up_flag))
    return done;
  context_ = at;
  for (std::size_t i = 0; i < most; ++i) {
    auto what = next();
    // Once it is blocked another loop may run it: nothing of it may be looked at any more.
    if (!what && inbox_.try_block())
      return awaiting_message;
    if (!what)
      continue; // it came this moment
    read_one(*what);
    if (ends_) {
      what.reset();
      cleanup(std::move(why_), at);
      return done;
    }
  }
  return resume_later;
}

void loop_actor::intrusive_ptr_add_ref_impl() { intrusive_ptr_add_ref(ctrl()); }

void loop_actor::intrusive_ptr_release_impl() { intrusive_ptr_release(ctrl()); }

void loop_actor::quit(caf::error reason) noexcept {
  ends_ = true;
  why_ = std::move(reason);
}

bool loop_actor::cleanup(caf::error&& reason, caf::execution_unit* host) {
  inbox_.close();
  while (taken_)
    std::ignore = next();
  return caf::monitorable_actor::cleanup(std::move(reason), host);
}

void loop_actor::on_destroy() {
  if (!getf(is_cleaned_up_flag))
    cleanup(caf::exit_reason::unreachable, nullptr);
  caf::monitorable_actor::on_destroy();
}

} // namespace hubbub::actors
