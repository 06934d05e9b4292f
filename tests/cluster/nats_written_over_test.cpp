#include "tests/cluster/lossy_proxy.hpp"
#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

/// A stream that has lost its end, and was written past that place again before anybody looked.
namespace hubbub::test {
namespace {

using broker::errc;

constexpr auto overwritten = "set back and written over";

/// A node that is cut off from a server while that one goes back to what it once had.
struct forgetful_server {
  explicit forgetful_server(cluster::nats_intervals every) {
    node.options.servers = {proxy.url()};
    node.options.every = every;
    node.options.every.burst = 1h;
    node.options.timeout = 1s;
    node.open();
  }
  /// Publishes past the proxy, and waits until the stream has it.
  void publish(const std::string& room, const texts& all) {
    nats_wire wire{server.port()};
    for (const auto& data : all)
      REQUIRE(wire.request("hubbub.rooms." + room, data).find("\"seq\":") != std::string::npos);
  }
  /// What the stream has now is all that it will have later.
  void save() {
    restart([this] { server.save(); });
    until_back();
  }
  /// It has what was saved, and `all` in `room` behind that, when the node sees it again.
  void set_back(const std::string& room, const texts& all) {
    proxy.cut();
    restart([this] { server.set_back(); });
    publish(room, all);
    proxy.heal();
  }
  template <class F>
  void restart(F meanwhile) {
    server.kill();
    meanwhile();
    server.start();
  }
  /// A read of a room without events has to look at the stream.
  void until_back() {
    REQUIRE(eventually([&] { return read(*node.bus, after("chat.none", 0)).why.code == errc::ok; }));
  }
  /// Until what a look found led to what is asked after it: that is asked before the next one.
  void look_around() {
    for (auto i = 0; i < 4; ++i)
      until_back();
  }

  nats_server server;
  lossy_proxy proxy{server.port()};
  nats_node node;
};

TEST_CASE("a stream that was set back and written over has another epoch, whoever was in its rooms",
          "[nats]") {
  forgetful_server t{often()};
  room_double quiet{*t.node.bus, "chat.quiet"};
  const auto head = quiet.seen().ready();
  t.publish("chat.1", {"1"});
  t.save();
  t.publish("chat.1", {"2", "3"});
  t.look_around();
  t.set_back("chat.1", {"4", "5", "6"});
  REQUIRE(eventually([&] { return !quiet.seen().epochs().empty(); }));
  CHECK(quiet.seen().epochs().front().epoch != head.epoch);
  CHECK(t.node.log.has_said(overwritten));
  CHECK(data_of(read(*t.node.bus, after("chat.1", 0)).events) == texts{"1", "4", "5", "6"});
  // Once.
  const auto anew = quiet.seen().epochs().back().epoch;
  t.look_around();
  CHECK(quiet.seen().epochs().back().epoch == anew);
  CHECK(quiet.seen().epochs().size() == 1);
  quiet.keep("7");
}

TEST_CASE("a stream that was written over up to where it was has another epoch", "[nats]") {
  forgetful_server t{often()};
  room_double quiet{*t.node.bus, "chat.quiet"};
  quiet.seen().ready();
  t.publish("chat.1", {"1"});
  t.save();
  t.publish("chat.1", {"2", "3"});
  t.look_around();
  t.set_back("chat.1", {"4", "5"});
  REQUIRE(eventually([&] { return !quiet.seen().epochs().empty(); }));
  CHECK(t.node.log.has_said(overwritten));
}

TEST_CASE("two nodes that see that a stream was written over agree", "[nats]") {
  forgetful_server t{often()};
  nats_node second{t.server.url(), {}, often()};
  room_double here{*t.node.bus, "chat.quiet"}, there{*second.bus, "chat.quiet"};
  const auto head = here.seen().ready();
  CHECK(there.seen().ready() == head);
  t.publish("chat.1", {"1"});
  t.save();
  t.publish("chat.1", {"2", "3"});
  t.look_around();
  t.set_back("chat.1", {"4", "5", "6"});
  const auto epoch_at = [](nats_node& n) { return read(*n.bus, after("chat.1", 0)).head.epoch; };
  CHECK(eventually([&] {
    const auto one = epoch_at(t.node);
    return one != head.epoch && one == epoch_at(second);
  }));
  t.look_around();
  CHECK(epoch_at(t.node) == epoch_at(second));
  CHECK(here.seen().epochs().size() <= 2);
  CHECK(there.seen().epochs().size() <= 2);
}

/// Looks find nothing: the first one is made while the stream is empty, the next one after the trouble.
cluster::nats_intervals unseen() {
  auto every = often();
  every.canary = 1h;
  every.canary_late = 2h;
  every.round = 1h;
  return every;
}

/// A room that had three events, of which the last two are others now. `lose`: no message of theirs comes.
void write_over_a_room(forgetful_server& t, bool lose) {
  room_double chat{*t.node.bus, "chat.1"};
  const auto head = chat.seen().ready();
  t.save();
  REQUIRE(eventually([&] { return chat.publish(chat.event("1")).stored; }));
  chat.keep("2");
  CHECK(chat.keep("3") == 3);
  if (lose)
    t.proxy.lose("", "\"other\"");
  t.set_back("chat.1", {"1", "2", "\"other\""});
  REQUIRE(eventually([&] { return !chat.seen().epochs().empty(); }));
  CHECK(chat.seen().epochs().front().epoch != head.epoch);
  CHECK(chat.seen().epochs().front().offset == 3);
  CHECK(t.node.log.has_said(overwritten));
  CHECK(data_of(chat.seen().events()) == texts{"1", "2", "3"});
}

TEST_CASE("a room that reads what it missed sees that its last event is another one now", "[nats]") {
  forgetful_server t{unseen()};
  write_over_a_room(t, false);
}

TEST_CASE("a room that is compared with the log sees that its last event is another one now", "[nats]") {
  auto every = unseen();
  every.round = 100ms;
  forgetful_server t{every};
  write_over_a_room(t, true);
}

TEST_CASE("restarts, deleted messages and a purge are no new life", "[nats]") {
  auto every = often();
  every.canary = every.round = 50ms;
  forgetful_server t{every};
  room_double chat{*t.node.bus, "chat.1"}, quiet{*t.node.bus, "chat.quiet"};
  const auto head = chat.seen().ready();
  quiet.seen().ready();
  const auto remove = [&](std::uint64_t offset) {
    nats_wire wire{t.server.port()};
    const auto said =
        wire.request("$JS.API.STREAM.MSG.DELETE.HUBBUB_chat", "{\"seq\":" + std::to_string(offset) + "}");
    REQUIRE(said.find("\"success\":true") != std::string::npos);
  };
  const auto go_on = [&](const std::string& data) {
    REQUIRE(eventually([&] { return chat.publish(chat.event(data)).stored; }));
    t.publish("chat.else", {data, "\"" + data + "\"", "no JSON"});
    t.look_around();
  };
  const auto restart = [&] {
    t.restart([] {});
    t.until_back();
  };
  go_on("1");
  // The newest one of the stream, at which its mark is, and the room's own.
  const auto second = chat.keep("\"2\"");
  t.look_around();
  remove(second);
  t.look_around();
  go_on("no JSON either");
  restart();
  go_on("4");
  nats_wire{t.server.port()}.request("$JS.API.STREAM.PURGE.HUBBUB_chat");
  t.look_around();
  go_on("5");
  t.proxy.cut();
  t.restart([] {});
  t.publish("chat.1", {"6"});
  t.proxy.heal();
  t.until_back();
  go_on("7");
  restart();
  t.look_around();
  CHECK(chat.seen().epochs().empty());
  CHECK(quiet.seen().epochs().empty());
  CHECK(read(*t.node.bus, after("chat.1", 0)).head.epoch == head.epoch);
  CHECK_FALSE(t.node.log.has_said("set back"));
  CHECK(data_of(read(*t.node.bus, after("chat.1", 0)).events) == texts{"5", "6", "7"});
}

} // namespace
} // namespace hubbub::test
