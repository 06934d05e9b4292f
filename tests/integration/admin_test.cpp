#include "broker/daemon/jwt.hpp"
#include "broker/daemon/node.hpp"
#include "tests/cluster/temp_dir.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/ws_client.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <fstream>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

using namespace hubbub;
using namespace hubbub::tests;
using nlohmann::json;

namespace {

constexpr const char* admin_key = "a-secret-of-the-operators";
constexpr const char* token_secret = "a secret of more than thirty-two bytes";

/// Remembers what was said. Any thread.
class kept_log final : public broker::log_sink {
public:
  bool wants(broker::log_level level) const noexcept override { return level >= broker::log_level::info; }
  void write(const broker::log_entry& e) noexcept override {
    json one{{"component", e.component}, {"message", e.message}};
    for (const auto& f : e.fields)
      std::visit([&](const auto& value) { one[std::string{f.key}] = value; }, f.value);
    std::lock_guard hold{mutex_};
    all_.push_back(std::move(one));
  }
  /// What `component` said.
  std::vector<json> of(std::string_view component) const {
    std::lock_guard hold{mutex_};
    std::vector<json> some;
    for (const auto& one : all_)
      if (one["component"] == component)
        some.push_back(one);
    return some;
  }

private:
  mutable std::mutex mutex_;
  std::vector<json> all_;
};

/// A node with two loops on free ports, its log on disk, for users with tokens.
class admin_world {
public:
  admin_world() {
    const auto key_file = dir_ / "key";
    std::ofstream{key_file} << token_secret;
    how_.server.listen = {"127.0.0.1", 0};
    how_.server.admin = {"127.0.0.1", 0};
    how_.server.loops = 2;
    how_.server.node = "n1";
    how_.server.data_dir = dir_ / "data";
    how_.auth.hs256_key_files = {key_file};
    how_.admin.keys = {admin_key};
    how_.limits.commands_per_second = 0;
    auto started = daemon::node::start(how_, log_, time_);
    REQUIRE((started ? "" : started.error().message) == "");
    node = std::move(*started);
  }

  static std::uint16_t port_of(const std::string& url) {
    return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
  }
  [[nodiscard]] http_answer ask(std::string_view method, const std::string& target,
                                const json& body = {}) const {
    return http_request(port_of(node->admin_url()), method, target,
                        {std::string{"Authorization: Bearer "} + admin_key},
                        body.is_null() ? "" : body.dump());
  }
  [[nodiscard]] json get(const std::string& target) const { return json::parse(ask("GET", target).body); }
  [[nodiscard]] json post(const std::string& target, const json& body) const {
    return json::parse(ask("POST", target, body).body);
  }

  /// A client of `user`.
  [[nodiscard]] std::unique_ptr<ws_client> open(const std::string& user) const {
    daemon::token_request who;
    who.user = user;
    who.token_id = "token-of-" + user;
    who.grants.emplace_back(*broker::room_pattern::parse(">"),
                            broker::right::join | broker::right::history | broker::right::presence);
    const auto token =
        daemon::mint_token(*daemon::signing_key::from_secret(token_secret), who, time_.unix_ms());
    REQUIRE(token.has_value());
    ws_options o;
    o.headers = {"Authorization: Bearer " + *token};
    auto c = std::make_unique<ws_client>(port_of(node->public_url()), o);
    REQUIRE(c->read_message()); // welcome
    return c;
  }
  /// The same, in `room`.
  [[nodiscard]] std::unique_ptr<ws_client> join(const std::string& user, const std::string& room) const {
    auto c = open(user);
    c->send_text(json{{"op", "join"}, {"id", 1}, {"room", room}}.dump());
    REQUIRE(json::parse(c->read_message().value_or("null"))["op"] == "ok");
    return c;
  }

  [[nodiscard]] const kept_log& log() const noexcept { return log_; }

private:
  test::temp_dir dir_;
  daemon::config how_;
  kept_log log_;
  broker::system_clock time_;

public:
  std::unique_ptr<daemon::node> node;
};

} // namespace

TEST_CASE("what the backend publishes by HTTP reaches a browser's room", "[slow]") {
  const admin_world world;
  const auto ann = world.join("ann", "chat.a");
  const auto a =
      world.ask("POST", "/v1/publish", {{"room", "chat.a"}, {"type", "note"}, {"data", {{"n", 1}}}});
  CHECK(a.status == 200);
  CHECK(a.header("Content-Type") == "application/json");
  const auto kept = json::parse(a.body);
  const auto came = json::parse(ann->read_message().value_or("null"));
  CHECK(came["op"] == "event");
  CHECK(came["data"] == json{{"n", 1}});
  CHECK(came["event_id"] == kept["event_id"]);
  CHECK(came["offset"] == kept["offset"]);
  CHECK(world.get("/v1/rooms/chat.a/history")["events"][0]["data"] == json{{"n", 1}});
  const auto rooms = world.get("/v1/rooms?prefix=chat.");
  CHECK(rooms["node"] == "n1");
  CHECK(rooms["rooms"] ==
        json::array({{{"room", "chat.a"}, {"connections", 1}, {"people", 1}, {"offset", kept["offset"]}}}));
  const auto who = world.get("/v1/rooms/chat.a/presence");
  CHECK(who["count"] == 1);
  CHECK(who["members"][0]["user"] == "ann");
}

TEST_CASE("many publish at the same time and each is answered", "[slow]") {
  const admin_world world;
  const auto ann = world.join("ann", "chat.a");
  constexpr auto callers = 4, lists = 5, each = 20;
  std::vector<std::set<std::string>> kept(callers);
  std::vector<std::thread> threads;
  for (auto t = 0; t < callers; ++t)
    threads.emplace_back([&, t] {
      for (auto i = 0; i < lists; ++i) {
        auto list = json::array();
        for (auto n = 0; n < each; ++n)
          list.push_back({{"room", n % 2 ? "chat.a" : "chat.b"}, {"type", "t"}, {"data", n}});
        for (const auto& one : world.post("/v1/publish", list))
          if (one.contains("offset"))
            kept[static_cast<std::size_t>(t)].insert(one["event_id"].get<std::string>());
      }
    });
  for (auto& t : threads)
    t.join();
  std::set<std::string> all;
  for (const auto& some : kept)
    all.insert(some.begin(), some.end());
  CHECK(all.size() == callers * lists * each);
  for (auto i = 0; i < callers * lists * each / 2; ++i) {
    const auto m = ann->read_message();
    REQUIRE(m);
    CHECK(all.erase(json::parse(*m)["event_id"].get<std::string>()) == 1);
  }
}

TEST_CASE("an administrator sends a user away from all loops, and nobody else", "[slow]") {
  const admin_world world;
  std::vector<std::unique_ptr<ws_client>> ann, bob;
  for (auto i = 0; i < 6; ++i) {
    ann.push_back(world.join("ann", "chat.a"));
    bob.push_back(world.join("bob", "chat.a"));
  }
  const auto listed = world.get("/v1/connections?user=ann");
  CHECK(listed["node"] == "n1");
  REQUIRE(listed["connections"].size() == 6);
  for (const auto& c : listed["connections"]) {
    CHECK(c["user"] == "ann");
    CHECK(c["rooms"] == 1);
    CHECK(c["remote"] == "127.0.0.1");
  }
  CHECK(world.get("/v1/connections")["connections"].size() == 12);
  CHECK(world.post("/v1/disconnect", {{"user", "ann"}}) == json{{"disconnected", 6}});
  for (auto& c : ann) {
    const auto last = c->wait_for_close();
    REQUIRE(last);
    CHECK(last->close_code() == 4010);
  }
  const std::string session = world.get("/v1/connections?user=bob")["connections"][0]["session"];
  CHECK(world.post("/v1/disconnect", {{"session", session}, {"reconnect", true}}) ==
        json{{"disconnected", 1}});
  std::ignore = world.post("/v1/publish", {{"room", "chat.a"}, {"type", "t"}, {"data", "still here"}});
  auto staying = 0;
  for (auto& c : bob) {
    const auto m = json::parse(c->read_message().value_or("null"));
    if (m["op"] == "event") {
      ++staying;
      CHECK(m["data"] == "still here");
    } else {
      CHECK(m["op"] == "goodbye");
      CHECK(m["reconnect"] == true);
    }
  }
  CHECK(staying == 5);
  const auto last = world.post("/v1/disconnect", {{"token_id", "token-of-bob"}})["disconnected"].get<int>();
  CHECK(last >= 5);
  const auto line = [](const char* by, const std::string& whom, int n) {
    return json{{"component", "admin"},
                {"message", "an administrator disconnected clients"},
                {by, whom},
                {"connections", n}};
  };
  CHECK(world.log().of("admin") == std::vector<json>{line("user", "ann", 6), line("session", session, 1),
                                                     line("token_id", "token-of-bob", last)});
}

TEST_CASE("the admin listener asks for its key, and probes need none", "[slow]") {
  const admin_world world;
  const auto port = admin_world::port_of(world.node->admin_url());
  CHECK(http_request(port, "GET", "/v1/rooms").status == 401);
  CHECK(http_request(port, "GET", "/metrics").status == 401);
  CHECK(http_request(port, "GET", "/v1/rooms", {"Authorization: Bearer wrong"}).status == 401);
  CHECK(http_request(port, "GET", "/healthz").status == 200);
  CHECK(http_request(port, "GET", "/readyz").status == 200);
  CHECK(world.ask("GET", "/nowhere").status == 404);
  const auto wrong = world.ask("DELETE", "/v1/publish");
  CHECK(wrong.status == 405);
  CHECK(wrong.header("Allow") == "POST");
  CHECK(world.ask("POST", "/v1/publish", "no object").status == 400);
  const auto metrics = world.ask("GET", "/metrics");
  CHECK(metrics.status == 200);
  CHECK(metrics.body.find("\nhubbub_rooms 0") != std::string::npos);
  const auto outside = admin_world::port_of(world.node->public_url());
  CHECK(http_request(outside, "GET", "/healthz").status == 200);
  CHECK(
      http_request(outside, "POST", "/v1/publish", {std::string{"Authorization: Bearer "} + admin_key}, "{}")
          .status == 501);
}

TEST_CASE("a node that stops says that it is not ready", "[slow]") {
  const admin_world world;
  const auto port = admin_world::port_of(world.node->admin_url());
  CHECK(http_request(port, "GET", "/readyz").status == 200);
  // It waits a moment for who does not read.
  const auto deaf = world.join("ann", "chat.a");
  std::atomic<int> status{200};
  std::thread asking{[&] {
    try {
      while (status == 200)
        status = http_request(port, "GET", "/readyz").status;
    } catch (const std::runtime_error&) {
      status = 0; // it listens no more
    }
  }};
  REQUIRE(world.node->stop());
  asking.join();
  CHECK(status == 503);
}

TEST_CASE("a node stops while its log is read", "[slow]") {
  const admin_world world;
  for (auto i = 0; i < 20; ++i) {
    auto list = json::array();
    for (auto n = 0; n < 50; ++n)
      list.push_back({{"room", "chat.a"}, {"type", "t"}, {"data", std::string(200, 'x')}});
    REQUIRE(world.ask("POST", "/v1/publish", list).status == 200);
  }
  // Who asks and goes leaves a read under way that finds nobody.
  std::vector<std::unique_ptr<ws_client>> clients;
  for (auto i = 0; i < 400; ++i)
    clients.push_back(world.open("ann"));
  for (auto& c : clients) {
    c->send_text(json{{"op", "history"}, {"id", 1}, {"room", "chat.a"}, {"limit", 1000}}.dump());
    c->socket().shut_writing();
  }
  REQUIRE(world.node->stop());
}

TEST_CASE("publishes that are under way when the node stops end somehow", "[slow]") {
  admin_world world;
  std::atomic<bool> over{false};
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  for (auto t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      while (!over) {
        auto list = json::array();
        for (auto n = 0; n < 50; ++n)
          list.push_back({{"room", "chat." + std::to_string(n)}, {"type", "t"}, {"data", n}});
        try {
          const auto a = world.ask("POST", "/v1/publish", list);
          answered += a.status == 200;
        } catch (const std::runtime_error&) {
          return; // it listens no more
        }
      }
    });
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (answered < 4 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(milliseconds{5});
  CHECK(answered >= 4);
  REQUIRE(world.node->stop());
  over = true;
  for (auto& t : threads)
    t.join();
}
