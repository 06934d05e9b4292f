#pragma once

#include "tests/actors/actor_fixture.hpp"

namespace hubbub::tests {

inline json resume(const std::string& ticket, json rooms) {
  return {{"op", "resume"}, {"id", 1}, {"ticket", ticket}, {"rooms", std::move(rooms)}};
}

inline json at(const json& ok) { return {{"epoch", ok["epoch"]}, {"offset", ok["offset"]}}; }

inline std::vector<std::string> ops(const std::vector<json>& all) {
  std::vector<std::string> found;
  for (const auto& m : all)
    found.push_back(m["op"]);
  return found;
}

using names = std::vector<std::string>;

/// A node whose clients may have been somebody before.
class resume_fixture : public actor_fixture {
public:
  using actor_fixture::actor_fixture;

  /// A ticket of a session that this node has never seen: another node's.
  std::string ticket_of(const std::string& user, broker::session_id session = broker::session_id::random()) {
    broker::identity who;
    who.user = user;
    who.token_id = user + "-token";
    who.issued_ms = time.unix_ms();
    return tickets.seal(who, session);
  }
  json publish(client& c, const std::string& room, const json& data) {
    return c.ask({{"op", "publish"}, {"room", room}, {"type", "m"}, {"data", data}});
  }
  /// All that is said until nothing happens any more.
  std::vector<json> say(client& c, const json& command) {
    c.send(command);
    settle();
    return c.read();
  }
};

} // namespace hubbub::tests
