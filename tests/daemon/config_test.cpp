#include "broker/daemon/config_value.hpp"

#include "tests/daemon/config_fixture.hpp"

using namespace hubbub;
using namespace hubbub::daemon;
using namespace hubbub::daemon::test;
using namespace std::chrono_literals;
using broker::overflow;
using broker::right;
using broker::room_kind;

namespace {

const std::string open_door = "[auth]\nanonymous = true\n";

} // namespace

TEST_CASE("without any key the values are the documented defaults", "[config]") {
  auto c = good(load{}(open_door));
  CHECK(c.server.listen.str() == "0.0.0.0:8080");
  CHECK(c.server.admin.str() == "127.0.0.1:8081");
  CHECK(c.limits.rooms == 256);
  CHECK(c.limits.commands_per_second == 100);
  CHECK(c.limits.ping == 25s);
  CHECK(c.drain.pace == 200);
  CHECK(c.log.sync == sync_mode::full);
  CHECK_FALSE(c.admin.open);
  CHECK_FALSE(c.server.node.empty());
  const auto& p = c.namespaces.of("chat");
  CHECK(p.kind == room_kind::retained);
  CHECK(p.history_size == 1000);
  CHECK(p.anyone == right::none);
  CHECK_FALSE(c.namespaces.is_declared("live"));
}

TEST_CASE("every kind of value is read from the file", "[config]") {
  auto c = good(load{}(R"([server]
listen = "[::1]:9000"
loops = 4
node = "eu-1"
data_dir = "/var/lib/hubbub"
ready_without_bus = true
[log]
sync = "normal"
format = "json"
level = "warn"
[auth]
hs256_key_file = ["a.key", "b.key"]
origins = ["HTTPS://App.example.com:443", "http://localhost:3000"]
[admin]
keys = ["0123456789abcdef"]
[limits]
rooms = 7
stall = "1500ms"
tape_budget_bytes = 8589934592
)"));
  CHECK(c.server.listen == endpoint{"::1", 9000});
  CHECK(c.server.loops == 4);
  CHECK(c.server.node == "eu-1");
  CHECK(c.server.data_dir == "/var/lib/hubbub");
  CHECK(c.server.ready_without_bus);
  CHECK(c.log.sync == sync_mode::normal);
  CHECK(c.log.format == log_format::json);
  CHECK(c.log.level == broker::log_level::warn);
  CHECK(c.auth.hs256_key_files == text_list{"a.key", "b.key"});
  CHECK(c.auth.origins == text_list{"https://app.example.com", "http://localhost:3000"});
  CHECK(c.admin.keys == text_list{"0123456789abcdef"});
  CHECK(c.limits.rooms == 7);
  CHECK(c.limits.stall == 1500ms);
  CHECK(c.limits.tape_budget_bytes == 8'589'934'592);
}

TEST_CASE("a flag beats a variable and a variable beats the file", "[config]") {
  const std::string file = open_door + "[server]\nlisten = \"127.0.0.1:1\"\nadmin = \"127.0.0.1:2\"\n"
                                       "data_dir = \"/file\"\n[limits]\nrooms = 3\n";
  load from{{{"HUBBUB_LISTEN", "127.0.0.1:11"},
             {"HUBBUB_DATA_DIR", "/variable"},
             {"HUBBUB_LIMITS_ROOMS", "30"},
             {"HUBBUB_ADMIN_KEYS", "0123456789abcdef, fedcba9876543210"}},
            {{"listen", "127.0.0.1:111"}}};
  auto c = good(from(file));
  CHECK(c.server.listen.port == 111);
  CHECK(c.server.admin.port == 2);
  CHECK(c.server.data_dir == "/variable");
  CHECK(c.limits.rooms == 30);
  CHECK(c.admin.keys.size() == 2);
}

TEST_CASE("what is wrong in a variable or a flag is told by its name", "[config]") {
  load from{{{"HUBBUB_LIMITS_ROOMS", "many"}}, {{"listen", "here"}}};
  CHECK(bad(from(open_door)) ==
        problems{"HUBBUB_LIMITS_ROOMS: limits.rooms: expected a positive integer, got \"many\"",
                 "--listen: server.listen: expected an address and a port, such as \"127.0.0.1:8080\" or "
                 "\"[::]:8080\", got \"here\""});
}

TEST_CASE("a namespace inherits from default, and default from what is built in", "[config]") {
  // The default stands last: the order in the file does not matter.
  auto c = good(load{}(open_door + R"([namespace.chat]
history_size = 50
[namespace.empty]
[namespace.default]
history_size = 200
history_age = "2d"
anyone = ["join", "history"]
)"));
  CHECK(c.namespaces.of("chat").history_size == 50);
  CHECK(c.namespaces.of("chat").history_age == 48h);
  CHECK(c.namespaces.of("empty").history_size == 200);
  CHECK(c.namespaces.of("undeclared").history_size == 200);
  CHECK(c.namespaces.of("chat").roster_max == 1000);
  CHECK(c.namespaces.of("chat").anyone == (right::join | right::history));
  CHECK(c.namespaces.is_declared("empty"));
  CHECK_FALSE(c.namespaces.is_declared("undeclared"));
}

TEST_CASE("a namespace of the other kind gets that kind's overflow unless it says its own", "[config]") {
  auto c = good(load{}(open_door + R"([namespace.cursors]
kind = "live"
[namespace.prices]
kind = "live"
overflow = "conflate"
[namespace.strict]
overflow = "disconnect"
)"));
  CHECK(c.namespaces.of("cursors").when_overtaken == overflow::drop_oldest);
  CHECK(c.namespaces.of("prices").when_overtaken == overflow::conflate);
  CHECK(c.namespaces.of("strict").when_overtaken == overflow::disconnect);
  CHECK(c.namespaces.of("other").when_overtaken == overflow::catch_up);

  c = good(load{}(open_door + "[namespace.default]\nkind = \"live\"\noverflow = \"drop_newest\"\n"
                              "[namespace.kept]\nkind = \"retained\"\n[namespace.more]\n"));
  CHECK(c.namespaces.of("kept").when_overtaken == overflow::catch_up);
  CHECK(c.namespaces.of("more").when_overtaken == overflow::drop_newest);
}

TEST_CASE("dev mode opens every door, on loopback only", "[config][dev]") {
  auto c = good(load{{}, {{"dev", "true"}}}(""));
  CHECK(c.server.dev);
  CHECK(c.server.listen == endpoint{"127.0.0.1", 8080});
  CHECK(c.auth.anonymous);
  CHECK(c.admin.open);
  CHECK(c.limits.commands_per_second == 0);
  CHECK(broker::has(c.namespaces.of("chat").anyone,
                    right::join | right::publish | right::history | right::presence));
  CHECK(c.namespaces.of("chat").kind == room_kind::retained);
  CHECK(c.namespaces.of("live").kind == room_kind::live);
  CHECK(c.namespaces.of("live").when_overtaken == overflow::drop_oldest);
  CHECK(broker::has(c.namespaces.of("live").anyone, right::publish));
}

TEST_CASE("dev mode leaves alone what the file sets", "[config][dev]") {
  auto c = good(load{}(R"([server]
dev = true
[limits]
commands_per_second = 5
[namespace.live]
kind = "retained"
[namespace.closed]
anyone = ["join"]
)"));
  CHECK(c.limits.commands_per_second == 5);
  CHECK(c.namespaces.of("live").kind == room_kind::retained);
  CHECK(c.namespaces.of("closed").anyone == right::join);
  CHECK(broker::has(c.namespaces.of("live").anyone, right::publish));

  c = good(load{}("[server]\ndev = true\n[namespace.default]\nanyone = []\n[namespace.chat]\n"));
  CHECK(c.namespaces.of("chat").anyone == right::none);
  CHECK(c.namespaces.of("live").anyone == right::none);
}

TEST_CASE("dev mode refuses to be reached from elsewhere", "[config][dev]") {
  CHECK(
      bad(load{}("[server]\ndev = true\nlisten = \"0.0.0.0:8080\"\nadmin = \"[::]:8081\"\n")) ==
      problems{"hubbub.toml:3: server.listen: dev mode answers on loopback only: use 127.0.0.1:8080 or leave "
               "dev mode",
               "hubbub.toml:4: server.admin: dev mode answers on loopback only: use 127.0.0.1:8081 or leave "
               "dev mode"});
  auto closed = bad(load{{}, {{"dev", "true"}}}("[auth]\nanonymous = false\n"));
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].starts_with("nobody could connect"));
}

TEST_CASE("an address that cannot be read is complained of once, in dev mode too", "[config][dev]") {
  auto wrong = bad(load{}("[server]\ndev = true\nlisten = \"nowhere\"\n"));
  REQUIRE(wrong.size() == 1);
  CHECK(wrong[0].starts_with("hubbub.toml:3: server.listen: "));
}

TEST_CASE("a drain that has no time for its pace is warned of", "[config]") {
  const auto warned = [](const std::string& drain) {
    const auto all = good(load{}("[auth]\nhs256_key_file = \"a.key\"\n[drain]\n" + drain)).warnings;
    return std::ranges::any_of(all, [](const auto& w) { return w.starts_with("[drain] leaves no time"); });
  };
  CHECK(warned("grace = \"0s\"\ndeadline = \"3s\""));
  CHECK_FALSE(warned("grace = \"0s\"\ndeadline = \"4s\""));
  CHECK_FALSE(warned(""));
}

TEST_CASE("on NATS ids that are to be remembered for longer than events are warned of", "[config]") {
  const auto warned = [](const std::string& rest) {
    const auto all = good(load{}(rest + "[namespace.chat]\nhistory_age = \"30s\"\n[namespace.orders]\n"
                                        "[namespace.cursors]\nkind = \"live\"\nhistory_age = \"1s\"\n"))
                         .warnings;
    return std::ranges::count(all, "namespace.chat.dedup_window is longer than its history_age: on NATS an "
                                   "event_id is remembered for history_age only") == 1 &&
           std::ranges::none_of(all, [](const auto& w) { return w.starts_with("namespace.cursors"); });
  };
  const std::string key = "[auth]\nhs256_key_file = \"a.key\"\n";
  CHECK(warned(key + "[nats]\nurl = \"nats://a:4222\"\n"));
  CHECK_FALSE(warned(key));
}

TEST_CASE("without a key, without dev mode and without anonymous it does not start", "[config]") {
  auto wrong = bad(load{}("[limits]\nrooms = 3\n"));
  REQUIRE(wrong.size() == 1);
  CHECK(wrong[0].starts_with("there is no key to verify tokens with: set auth.hs256_key_file"));
  CHECK(good(load{}("[auth]\nhs256_key_file = \"a.key\"\n")).warnings ==
        text_list{
            "admin.keys is empty: the admin listener answers only what needs no key (/healthz, /readyz)"});
  auto open = good(load{}(open_door));
  CHECK(open.warnings.size() == 2);
  CHECK(open.namespaces.of("chat").anyone == right::none);
}
