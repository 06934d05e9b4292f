#include "broker/metrics.hpp"
#include "broker/supervision.hpp"
#include "cluster/bucket_key.hpp"
#include "cluster/embedded_revocations.hpp"
#include "cluster/nats_revocations.hpp"
#include "tests/cluster/lossy_proxy.hpp"
#include "tests/cluster/nats_kit.hpp"
#include "tests/cluster/temp_dir.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <stdexcept>

using namespace hubbub;
using namespace hubbub::test;
using broker::errc;

namespace {

/// What one node knows of revocations, on a server.
struct revoking_node {
  explicit revoking_node(const std::string& url, broker::milliseconds keep = 24h) : list{keep, time} {
    options.servers = {url};
    options.timeout = 1s;
    auto made = cluster::open_nats_revocations(options, list, time, log);
    if (!made)
      throw std::runtime_error{made.error().message};
    store = std::move(*made);
  }
  broker::refusal revoke(broker::revocation what) const {
    std::promise<broker::refusal> told;
    store->revoke(std::move(what), [&told](broker::refusal why) { told.set_value(std::move(why)); });
    return told.get_future().get();
  }
  [[nodiscard]] bool knows(const std::string& user) const {
    broker::identity who;
    who.user = user;
    return list.has({1}, who);
  }

  cluster::nats_options options;
  broker::system_clock time;
  recording_log log;
  broker::revoked_list list;
  std::unique_ptr<broker::revocations> store;
};

} // namespace

TEST_CASE("the entries of a bucket are named after whom they mean", "[revocations]") {
  for (const broker::revocation& r : std::vector<broker::revocation>{
           {.user = "ann"}, {.user = "\xc3\xa9\xff?>"}, {.session = {0xff}}, {.token_id = "a.b*>"}}) {
    const auto key = cluster::bucket_key(r);
    CHECK(key.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=.") ==
          key.npos);
    CHECK(cluster::from_bucket_key(key) == r);
  }
  for (auto text : {"", "user", "user.", "user.!", "group.YW5u", "session.ff", "user.YW5u.YW5u"})
    CHECK_FALSE(cluster::from_bucket_key(text).has_value());
}

TEST_CASE("a revocation reaches every node, and those that start later", "[revocations][nats]") {
  nats_server server;
  revoking_node one{server.url()}, two{server.url()};
  CHECK(one.revoke({.user = "ann"}).code == errc::ok);
  CHECK(one.knows("ann"));
  CHECK(within(1s, [&] { return two.knows("ann"); }));
  for (auto i = 0; i < 300; ++i) // more than one batch of what a new node reads
    CHECK(two.revoke({.user = "user" + std::to_string(i)}).code == errc::ok);
  revoking_node three{server.url()};
  CHECK(three.knows("ann"));
  CHECK(three.list.size() == 301);
  CHECK(three.list.all() == two.list.all());
  CHECK(eventually([&] { return one.list.size() == 301; }));
}

TEST_CASE("of two revocations of one name at once, on two nodes, the one that means more is kept",
          "[revocations][nats]") {
  nats_server server;
  revoking_node one{server.url()}, two{server.url()};
  for (auto i = 0; i < 40; ++i) {
    const auto user = "user" + std::to_string(i);
    auto older = std::async(std::launch::async, [&] { return two.revoke({.user = user, .before_ms = 1}); });
    CHECK(one.revoke({.user = user}).code == errc::ok);
    CHECK(older.get().code == errc::ok);
  }
  revoking_node three{server.url()};
  for (const auto& r : three.list.all())
    CHECK(r.before_ms == 0);
  CHECK(three.list.size() == 40);
}

TEST_CASE("nodes that fill a lost bucket again take nothing from each other", "[revocations][nats]") {
  nats_server server;
  revoking_node one{server.url()}, two{server.url()};
  for (auto i = 0; i < 600; ++i) { // more than are on their way at once
    const broker::revocation all{.user = "user" + std::to_string(i)};
    auto some = all;
    some.before_ms = 1;
    one.list.put(i % 2 == 0 ? all : some);
    two.list.put(i % 2 == 0 ? some : all);
  }
  server.kill();
  server.wipe();
  server.start();
  CHECK(one.log.says("put there again"));
  CHECK(two.log.says("put there again"));
  CHECK(eventually([&] {
    const revoking_node three{server.url()};
    const auto known = three.list.all();
    return known.size() == 600 && std::ranges::all_of(known, [](const auto& r) { return r.before_ms == 0; });
  }));
}

TEST_CASE("an operator revokes with any NATS client, and lifts what was revoked", "[revocations][nats]") {
  nats_server server;
  revoking_node one{server.url()}, two{server.url()};
  nats_wire wire{server.port()};
  CHECK(wire.request("hubbub.control.revoke", R"({"user":"ann"})") == R"({"revoked":true})");
  CHECK(within(1s, [&] { return one.knows("ann") && two.knows("ann"); }));
  CHECK(wire.request("hubbub.control.revoke", "rubbish").starts_with(R"({"code":"bad_frame")"));
  wire.publish("$KV.hubbub_revocations.user.YW5u", "", "KV-Operation: DEL\r\n");
  CHECK(eventually([&] { return !one.knows("ann") && !two.knows("ann"); }));
  revoking_node three{server.url()};
  CHECK_FALSE(three.knows("ann"));
  // What is none of ours hurts nobody.
  wire.publish("$KV.hubbub_revocations.user.YW5u", "rubbish");
  wire.publish("$KV.hubbub_revocations.else", R"({"user":"bob"})");
  wire.publish("$KV.hubbub_revocations.user.YW5u", R"({"user":"bob"})");
  CHECK(one.log.says("none of ours"));
  CHECK_FALSE(one.knows("bob"));
}

TEST_CASE("what a node did not hear it finds when it is back", "[revocations][nats]") {
  nats_server server;
  revoking_node one{server.url()};
  CHECK(one.revoke({.user = "ann"}).code == errc::ok);
  server.kill();
  CHECK(eventually([&] { return one.revoke({.user = "bob"}).code == errc::unavailable; }));
  CHECK_FALSE(one.knows("bob"));
  server.start();
  revoking_node two{server.url()};
  CHECK(two.knows("ann"));
  CHECK(eventually([&] { return one.revoke({.user = "cat"}).code == errc::ok; }));
  CHECK(within(2s, [&] { return two.knows("cat"); }));
}

TEST_CASE("a bucket that was lost is made again of what nodes know", "[revocations][nats]") {
  nats_server server;
  revoking_node one{server.url()};
  CHECK(one.revoke({.user = "ann"}).code == errc::ok);
  server.kill();
  server.wipe();
  server.start();
  CHECK(one.log.says("put there again"));
  CHECK(eventually([&] { return revoking_node{server.url()}.knows("ann"); }));
}

TEST_CASE("a part of the revocations is not taken for all of them", "[revocations][nats]") {
  nats_server server;
  revoking_node one{server.url()};
  CHECK(one.revoke({.user = "ann"}).code == errc::ok);
  CHECK(one.revoke({.user = "bob"}).code == errc::ok);
  // As from a replica that is behind: nothing more comes, and that is said to be all.
  lossy_proxy proxy{server.port()};
  proxy.lose("$KV.hubbub_revocations.", R"("user":"bob")");
  SECTION("a node that starts looks again") {
    auto two = std::async(std::launch::async, [&] { return std::make_unique<revoking_node>(proxy.url()); });
    CHECK(eventually([&] { return proxy.lost() > 0; }));
    proxy.lose_nothing();
    const auto started = two.get();
    CHECK(started->knows("ann"));
    CHECK(started->knows("bob"));
  }
  SECTION("or does not start") {
    CHECK_THROWS_WITH(revoking_node{proxy.url()}, Catch::Matchers::Contains("KV_hubbub_revocations") &&
                                                      Catch::Matchers::Contains("behind its leader"));
  }
}

TEST_CASE("entries that were purged are not waited for", "[revocations][nats]") {
  nats_server server;
  revoking_node one{server.url()};
  CHECK(one.revoke({.user = "ann"}).code == errc::ok);
  CHECK(one.revoke({.user = "bob"}).code == errc::ok);
  nats_wire wire{server.port()};
  wire.request("$JS.API.STREAM.PURGE.KV_hubbub_revocations", R"({"filter":")"
                                                             "$KV.hubbub_revocations." +
                                                                 cluster::bucket_key({.user = "bob"}) +
                                                                 "\"}");
  revoking_node two{server.url()};
  CHECK(two.knows("ann"));
  CHECK_FALSE(two.knows("bob"));
}

TEST_CASE("a revocation whose stream is gone counts where it was heard, and is kept when there is one",
          "[revocations][nats]") {
  nats_server server;
  revoking_node one{server.url()}, two{server.url()};
  nats_wire wire{server.port()};
  wire.request("$JS.API.STREAM.DELETE.KV_hubbub_revocations");
  const auto why = one.revoke({.user = "ann"});
  CHECK(why.code == errc::unavailable);
  CHECK_THAT(why.message, Catch::Matchers::Contains("may count on nodes that are up"));
  CHECK(eventually([&] { return one.knows("ann") && two.knows("ann"); }));
  CHECK(one.log.says("put there again"));
  CHECK(eventually([&] { return revoking_node{server.url()}.knows("ann"); }));
}

TEST_CASE("a stream that is somebody else's is not taken for the bucket", "[revocations][nats]") {
  nats_server server;
  nats_wire wire{server.port()};
  wire.request("$JS.API.STREAM.CREATE.KV_hubbub_revocations",
               R"({"name":"KV_hubbub_revocations","subjects":["other.>"],"storage":"memory"})");
  broker::system_clock time;
  recording_log log;
  broker::revoked_list list{1h, time};
  cluster::nats_options options;
  options.servers = {server.url()};
  const auto no = cluster::open_nats_revocations(options, list, time, log);
  REQUIRE_FALSE(no.has_value());
  CHECK_THAT(no.error().message, Catch::Matchers::Contains("KV_hubbub_revocations takes other.>"));
}

TEST_CASE("revocations of a node without others survive it with a data directory", "[revocations]") {
  temp_dir dir;
  broker::manual_clock time;
  broker::refusal why;
  const auto keep = [&why](broker::revocations& in, broker::revocation what) {
    std::promise<void> told;
    in.revoke(std::move(what), [&](broker::refusal r) {
      why = std::move(r);
      told.set_value();
    });
    told.get_future().get();
    return why.code;
  };
  {
    broker::revoked_list list{1h, time, 3};
    auto store = std::move(*cluster::open_embedded_revocations(dir.path(), list, time));
    CHECK(keep(*store, {.user = "ann"}) == errc::ok);
    CHECK(list.size() == 1);
    time.advance(30min);
    CHECK(keep(*store, {.session = {0xff}, .before_ms = 1'600'000'000'000}) == errc::ok);
    CHECK(keep(*store, {.token_id = "t'1"}) == errc::ok);
    CHECK(keep(*store, {.user = "bob"}) == errc::overloaded);
    CHECK(keep(*store, {.session = {0xff}}) == errc::ok);
  }
  {
    broker::revoked_list list{1h, time};
    const auto store = std::move(*cluster::open_embedded_revocations(dir.path(), list, time));
    const auto all = list.all();
    REQUIRE(all.size() == 3);
    CHECK(all[0].user == "ann");
    CHECK(all[1].session == broker::session_id{0xff});
    CHECK(all[1].before_ms == 0);
    CHECK(all[2].token_id == "t'1");
  }
  time.advance(31min);
  broker::revoked_list list{1h, time};
  const auto store = std::move(*cluster::open_embedded_revocations(dir.path(), list, time));
  CHECK(list.size() == 2);
}

TEST_CASE("what breaks while a revocation is kept ends the node in order, and whoever asked is answered",
          "[revocations]") {
  temp_dir dir;
  broker::manual_clock time;
  recording_log log;
  broker::metrics metrics{1};
  broker::supervision tree{time, log, metrics};
  std::atomic<int> ends{0};
  tree.on_end([&] { ++ends; });
  broker::revoked_list list{1h, time};
  list.observe([](const broker::revocation&) { throw std::runtime_error{"asked to break"}; });
  const auto store = std::move(*cluster::open_embedded_revocations(dir.path(), list, time, &tree.bus));
  const auto revoke = [&](const std::string& user) {
    std::promise<broker::refusal> told;
    store->revoke({.user = user}, [&told](broker::refusal why) { told.set_value(std::move(why)); });
    return told.get_future().get();
  };
  CHECK(revoke("ann").code == errc::unavailable);
  CHECK(tree.bus.look().last_reason == "asked to break");
  CHECK(tree.bus.look().last_child == "revocations");
  // Until it has waited too often.
  for (auto i = 0; i < 200 && ends == 0; ++i) {
    time.advance(3s);
    CHECK(revoke("user" + std::to_string(i)).code == errc::unavailable);
  }
  CHECK(ends == 1);
}
