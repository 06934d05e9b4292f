#pragma once

#include "tests/actors/actor_fixture.hpp"

#include <cstddef>
#include <string>
#include <utility>

namespace hubbub::tests {

/// Backends that answer when a test says so, with one loop and with four.
struct backend_fixture : actor_fixture {
  void answer_event(std::size_t i, broker::backend_answer a) {
    backend.events.at(i).done(std::move(a));
    settle();
  }
  void answer_call(std::size_t i, broker::backend_answer a) {
    backend.calls.at(i).done(std::move(a));
    settle();
  }
  void send(client& c, json command, const json& id = 1) {
    command["id"] = id;
    c.send(command);
    settle();
  }
  /// The only thing that has come since.
  static json only(client& c) {
    auto all = c.read();
    REQUIRE(all.size() == 1);
    return all.front();
  }
};

inline json publish_to(const std::string& room) {
  return {{"op", "publish"}, {"room", room}, {"type", "order"}, {"data", {{"n", 1}}}};
}
inline json call(const std::string& method, json data = 1) {
  return {{"op", "call"}, {"method", method}, {"data", std::move(data)}};
}

} // namespace hubbub::tests
