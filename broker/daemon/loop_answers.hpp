#pragma once

#include "actors/actor_node.hpp"

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace hubbub::daemon {

/// Asks every loop of the node, each on its own thread; the last one to answer calls `done` with all
/// answers, in the order of the loops. `ask` is called on all loops, at the same time. When a loop ends
/// before it has answered, `done` is destroyed without being called.
template <class Answer>
void ask_loops(actors::actor_node& node, std::function<Answer(actors::loop_unit&)> ask,
               std::function<void(std::vector<Answer>)> done) {
  struct state {
    state(std::size_t loops, std::function<void(std::vector<Answer>)> d)
        : answers(loops), missing{loops}, out{std::move(d)} {}
    std::vector<Answer> answers;
    std::atomic<std::size_t> missing;
    std::function<void(std::vector<Answer>)> out;
  };
  const auto loops = node.context().loops.size();
  const auto all = std::make_shared<state>(loops, std::move(done));
  for (std::size_t i = 0; i < loops; ++i)
    node.unit(i).post([all, i, &at = node.unit(i), ask] {
      all->answers[i] = ask(at);
      // Who counts down to zero sees what the others wrote before they counted.
      if (all->missing.fetch_sub(1, std::memory_order_acq_rel) == 1)
        all->out(std::move(all->answers));
    });
}

} // namespace hubbub::daemon
