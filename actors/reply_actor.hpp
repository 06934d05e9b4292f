#pragma once

#include "actors/messages.hpp"

#include <caf/actor_config.hpp>
#include <caf/actor_system.hpp>
#include <caf/make_actor.hpp>
#include <caf/monitorable_actor.hpp>

#include <functional>
#include <utility>

namespace hubbub::actors {

/// Asks rooms on behalf of who is no actor: hands each answer to a function,
/// on the thread where it was given. The function must be quick and thread-safe.
class reply_actor final : public caf::monitorable_actor {
public:
  using handler = std::function<void(answer&)>;

  reply_actor(caf::actor_config& cfg, handler take) : caf::monitorable_actor{cfg}, take_{std::move(take)} {}

  /// Lives as long as somebody owes it an answer.
  [[nodiscard]] static caf::strong_actor_ptr make(caf::actor_system& system, handler take) {
    caf::actor_config how;
    return caf::make_actor<reply_actor, caf::strong_actor_ptr>(system.next_actor_id(), system.node(), &system,
                                                               how, std::move(take));
  }

  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit*) override {
    auto& content = what->content();
    if (content.match_elements<answer>())
      take_(content.get_mutable_as<answer>(0));
  }
  void enqueue(caf::strong_actor_ptr sender, caf::message_id id, caf::message content,
               caf::execution_unit* host) override {
    enqueue(caf::make_mailbox_element(std::move(sender), id, {}, std::move(content)), host);
  }
  const char* name() const override { return "reply"; }

private:
  handler take_;
};

} // namespace hubbub::actors
