#include "tests/actors/actor_fixture.hpp"

#include <random>

using namespace hubbub;
using namespace hubbub::tests;
using namespace std::chrono_literals;

namespace {

/// A token is its user's name.
class trusting final : public broker::authenticator {
public:
  [[nodiscard]] broker::result<broker::identity> verify(std::string_view token) const override {
    broker::identity who;
    who.user = token;
    return who;
  }
};

} // namespace

/// A node on which a user may have so many connections, and clients that say who they are in any way.
class user_limit_fixture : public actor_fixture {
public:
  user_limit_fixture() {
    node->context().anonymous = false;
    node->context().tokens = &tokens;
    bounds.connections_per_user = 2;
  }

  std::unique_ptr<client> comes(broker::handshake h) {
    auto c = std::make_unique<client>(*this, next++ % static_cast<std::uint32_t>(loops.size()), std::move(h));
    settle();
    return c;
  }
  std::unique_ptr<client> comes(const std::string& token) {
    return comes(broker::handshake{.bearer = token});
  }
  std::unique_ptr<client> comes_with_ticket(const std::string& user, broker::session_id session) {
    return comes(broker::handshake{.subprotocols = {"ticket." + tickets.seal({.user = user}, session)}});
  }
  json auth(client& c, const std::string& token) { return c.ask({{"op", "auth"}, {"token", token}}); }
  json resume(client& c, const std::string& user, broker::session_id session) {
    return c.ask(
        {{"op", "resume"}, {"ticket", tickets.seal({.user = user}, session)}, {"rooms", json::object()}});
  }
  std::size_t count(const std::string& user) { return node->context().users.count(user); }
  bool has_metric(const std::string& line) {
    std::string text;
    metrics.write(text);
    return text.find(line) != std::string::npos;
  }

  trusting tokens;
  std::uint32_t next = 0;
};

TEST_CASE_METHOD(user_limit_fixture, "a user has no more connections to a node than it may",
                 "[actors][limits]") {
  const auto one = comes("ann");
  auto two = comes("ann");
  const auto three = comes("ann");
  CHECK(three->refused.code == broker::errc::too_many_connections);
  CHECK(three->refused.message == "a user may have 2 connections to this node at most");
  CHECK(three->refused.retry_after_ms >= 2000);
  CHECK(three->refused.retry_after_ms < 10'000);
  CHECK(comes("bob")->refused.code == broker::errc::ok);
  CHECK(comes_with_ticket("ann", {0xa})->refused.code == broker::errc::too_many_connections);
  two->gone();
  CHECK(count("ann") == 1);
  CHECK(comes("ann")->refused.code == broker::errc::ok);
}

TEST_CASE_METHOD(user_limit_fixture, "clients without a user are not counted", "[actors][limits]") {
  node->context().anonymous = true;
  std::vector<std::unique_ptr<client>> all;
  for (auto i = 0; i < 5; ++i) {
    all.push_back(comes(broker::handshake{}));
    CHECK(all.back()->refused.code == broker::errc::ok);
  }
  // Nor are they for ever: who says later who it is counts from then on.
  CHECK(auth(*all[0], "ann")["op"] == "ok");
  CHECK(auth(*all[1], "ann")["op"] == "ok");
  CHECK(auth(*all[2], "ann")["code"] == "too_many_connections");
  CHECK(count("ann") == 2);
}

TEST_CASE_METHOD(user_limit_fixture, "a browser is told behind the upgrade that its user has too many",
                 "[actors][limits]") {
  const auto one = comes("ann"), two = comes("ann");
  const auto three = comes(broker::handshake{.origin = "http://app.example", .bearer = "ann"});
  CHECK(three->refused.code == broker::errc::ok);
  REQUIRE(three->wire.closed);
  CHECK(three->wire.closed->code == broker::close_code::evicted);
  CHECK(three->wire.closed->reconnect());
  CHECK(three->wire.closed->retry_after_ms >= 2000);
  CHECK(count("ann") == 2);
}

TEST_CASE_METHOD(user_limit_fixture, "who says later that it is a user with too many is told, and closed",
                 "[actors][limits]") {
  auto one = comes("ann");
  const auto two = comes("ann");
  for (const auto by_ticket : {false, true}) {
    const auto c = comes(broker::handshake{});
    const auto no = by_ticket ? resume(*c, "ann", {0xa}) : auth(*c, "ann");
    CHECK(no["code"] == "too_many_connections");
    CHECK(no["retry_after_ms"] >= 2000);
    REQUIRE(c->wire.closed);
    CHECK(c->wire.closed->code == broker::close_code::evicted);
    CHECK(c->wire.closed->retry_after_ms == no["retry_after_ms"]);
  }
  CHECK(has_metric("hubbub_refused_total{code=\"too_many_connections\"} 2"));
  one->gone();
  const auto c = comes(broker::handshake{});
  CHECK(auth(*c, "ann")["op"] == "ok");
  CHECK(auth(*c, "ann")["op"] == "ok"); // a new token is no other connection
  CHECK_FALSE(c->wire.closed);
  CHECK(count("ann") == 2);
}

TEST_CASE_METHOD(user_limit_fixture, "a session that goes on is not kept out by its connection before",
                 "[actors][limits][resume]") {
  bounds.connections_per_user = 1;
  auto before = comes_with_ticket("ann", {0xa});
  // In the handshake, and in the first frame; the one before is half dead both times.
  auto after = comes_with_ticket("ann", {0xa});
  REQUIRE(after->refused.code == broker::errc::ok);
  REQUIRE(before->wire.closed);
  CHECK(before->wire.closed->code == broker::close_code::resumed_elsewhere);
  auto last = comes(broker::handshake{});
  CHECK(resume(*last, "ann", {0xa})["op"] == "ok");
  CHECK(after->wire.closed);
  CHECK(count("ann") == 1);
  before->gone();
  after->gone();
  CHECK(count("ann") == 1);
  // Another session is another connection.
  CHECK(comes_with_ticket("ann", {0xb})->refused.code == broker::errc::too_many_connections);
  last->gone();
  CHECK(count("ann") == 0);
  CHECK(comes_with_ticket("ann", {0xb})->refused.code == broker::errc::ok);
}

TEST_CASE_METHOD(user_limit_fixture, "who shows its token and then its ticket needs one place",
                 "[actors][limits][resume]") {
  bounds.connections_per_user = 1;
  const auto c = comes("ann");
  CHECK(resume(*c, "ann", {0xa})["op"] == "ok");
  CHECK(resume(*c, "ann", {0xb})["op"] == "ok");
  CHECK(count("ann") == 1);
  CHECK_FALSE(c->wire.closed);
  c->gone();
  CHECK(count("ann") == 0);
}

TEST_CASE_METHOD(user_limit_fixture,
                 "a connection that crashes, is revoked or is never opened leaves no place taken",
                 "[actors][limits]") {
  auto c = comes("ann");
  c->ask({{"op", "history"}, {"room", "chat.breaks"}, {"limit", 1}});
  REQUIRE(c->wire.closed);
  CHECK(c->wire.closed->code == broker::close_code::internal_error);
  CHECK(count("ann") == 1); // until its socket is closed
  c->gone();
  CHECK(count("ann") == 0);

  c = comes("ann");
  revoked.put({.user = "ann"});
  settle();
  REQUIRE(c->wire.closed);
  c->gone();
  CHECK(count("ann") == 0);

  {
    const auto in = node->acceptor().admit({.bearer = "bob"}, *loops[0]);
    REQUIRE(in.has_value());
    CHECK(count("bob") == 1);
  }
  CHECK(count("bob") == 0);
}

TEST_CASE_METHOD(user_limit_fixture, "however clients come and go, a user's are counted exactly",
                 "[actors][limits][model]") {
  std::minstd_rand random{7};
  std::vector<std::unique_ptr<client>> all;
  const std::vector<std::string> users{"ann", "bob"};
  for (auto i = 0; i < 400; ++i) {
    const auto& user = users[random() % users.size()];
    const broker::session_id session{1 + random() % 4 + (user == "bob" ? 100 : 0)};
    switch (random() % 5) {
    case 0:
      all.push_back(comes(user));
      break;
    case 1:
      all.push_back(comes_with_ticket(user, session));
      break;
    case 2:
      all.push_back(comes(broker::handshake{}));
      if (all.back()->refused.code == broker::errc::ok)
        auth(*all.back(), user);
      break;
    case 3:
      all.push_back(comes(broker::handshake{}));
      if (all.back()->refused.code == broker::errc::ok)
        resume(*all.back(), user, session);
      break;
    default:
      if (!all.empty()) {
        std::swap(all[random() % all.size()], all.back());
        all.pop_back();
      }
    }
    // Those whom the node has closed go sooner or later.
    if (random() % 3 == 0)
      std::erase_if(all, [](const auto& c) { return c->wire.closed || c->refused.code != broker::errc::ok; });
    for (const auto& name : users) {
      INFO("at step " << i << ": " << name);
      REQUIRE(count(name) <= 2);
    }
  }
  all.clear();
  settle();
  for (const auto& name : users)
    CHECK(count(name) == 0);
}
