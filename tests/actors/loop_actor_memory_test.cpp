// An actor of the loops where there is no memory.
#include "actors/loop_actor.hpp"
#include "tests/support/allocations.hpp"
#include "tests/support/catch.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/execution_unit.hpp>
#include <caf/make_actor.hpp>

#include <new>
#include <optional>

#if HUBBUB_HAS_ALLOCATIONS

namespace hubbub::tests {
namespace {

/// Takes a message for the end of all memory.
class starving_actor final : public actors::loop_actor {
public:
  starving_actor(caf::actor_config& cfg, std::optional<no_memory>& from_here)
      : actors::loop_actor{cfg}, from_here_{from_here} {}

private:
  void begin() override {}
  void read(caf::mailbox_element&) override {
    from_here_.emplace();
    throw std::bad_alloc{};
  }
  std::optional<no_memory>& from_here_;
};

class one_job final : public caf::execution_unit {
public:
  void exec_later(caf::resumable* job) override { todo = job; }
  caf::resumable* todo = nullptr;
};

} // namespace

TEST_CASE("that there is no memory to say why an actor of the loops ends is no end of the process",
          "[loop_actor]") {
  caf::actor_system_config config;
  caf::actor_system system{config};
  one_job loop;
  std::optional<no_memory> starving;
  caf::actor_config how;
  const auto actor = caf::make_actor<starving_actor, caf::strong_actor_ptr>(
      system.next_actor_id(), system.node(), &system, how, starving);
  actor->enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, 1), &loop);
  REQUIRE(loop.todo != nullptr);
  auto thrown = false;
  try {
    loop.todo->resume(&loop, 1);
  } catch (const std::bad_alloc&) { // as its loop does, on whose supervisor it is to decide
    thrown = true;
  }
  starving.reset();
  CHECK(thrown);
  caf::intrusive_ptr_release(loop.todo);
}

} // namespace hubbub::tests

#endif
