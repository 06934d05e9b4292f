#include "cluster/nats_link.hpp"
#include "tests/cluster/roster_kit.hpp"
#include "tests/support/catch.hpp"

#include <atomic>

namespace hubbub::test {
namespace {

using namespace std::chrono;

TEST_CASE_METHOD(patient_cluster, "a node that says farewell is gone at once, with all its people",
                 "[cluster][slow]") {
  one[chat].enter("ann");
  two[chat].enter("bob");
  two["chat.2"].enter("bob");
  static_cast<void>(one["chat.2"].seen());
  static_cast<void>(one["chat.3"].seen());
  CHECK(all_see(chat, {"ann", "bob"}));
  CHECK(soon([&] { return one["chat.2"].seen() == people{"bob"}; }));
  const auto owner = two.bus->self();
  const auto before = steady_clock::now();
  two.stop();
  CHECK(eventually([&] { return one[chat].seen() == people{"ann"} && one["chat.2"].seen().empty(); }));
  CHECK(steady_clock::now() - before < patient().lease);
  CHECK(one[chat].gone == std::vector{owner});
  CHECK(one["chat.2"].gone == std::vector{owner});
  one["chat.3"].pump();
  CHECK(one["chat.3"].gone.empty()); // it never knew that node
  CHECK(one.knows(1));
}

TEST_CASE_METHOD(roster_cluster, "a node that is killed is gone after the lease, with all its people",
                 "[cluster][slow]") {
  one[chat].enter("ann");
  for (auto i = 0; i < 50; ++i)
    two[chat].enter("bob" + std::to_string(i));
  CHECK(soon([&] { return one[chat].seen().size() == 51 && three[chat].seen().size() == 51; }));
  const auto before = steady_clock::now();
  two.kill();
  CHECK(eventually([&] { return one[chat].seen().size() != 51; }));
  CHECK(one[chat].seen() == people{"ann"}); // all at once
  const auto took = steady_clock::now() - before;
  CHECK(took > quick().lease - 2 * quick().beat);
  CHECK(took < quick().lease + 5s);
  CHECK(soon([&] { return three[chat].seen() == people{"ann"}; }));
}

TEST_CASE_METHOD(patient_cluster, "a node that starts again under its name ends what it was before",
                 "[cluster][slow]") {
  one[chat].enter("ann");
  two[chat].enter("bob");
  CHECK(all_see(chat, {"ann", "bob"}));
  two.kill();
  const auto before = steady_clock::now();
  two.start();
  two[chat].enter("cid");
  CHECK(all_see(chat, {"ann", "cid"}));
  CHECK(steady_clock::now() - before < patient().lease);
  CHECK(one.knows(2));
}

TEST_CASE_METHOD(roster_cluster, "a node does not take its own former life for another node",
                 "[cluster][slow]") {
  nats_wire wire{server.port()};
  wire.publish_now("hubbub.node.beat",
                   cluster::write_presence(cluster::beat_message{"one", 77, 1, 9, false, {}}));
  CHECK(one.log.says("former life"));
  CHECK(one.knows(2));
  CHECK(two.knows(2));
}

TEST_CASE_METHOD(roster_cluster, "a node that was cut off comes back with everybody", "[cluster][slow]") {
  one[chat].enter("ann");
  two[chat].enter("bob");
  CHECK(all_see(chat, {"ann", "bob"}));
  two.proxy.cut();
  one[chat].enter("cid");
  two[chat].enter("dan");
  CHECK(soon([&] { return one[chat].seen() == people{"ann", "cid"}; }));
  CHECK(soon([&] { return two[chat].seen() == people{"bob", "dan"}; }));
  CHECK(soon([&] { return two["chat.new"].is_synced(); })); // without NATS, too
  two.proxy.heal();
  CHECK(all_see(chat, {"ann", "bob", "cid", "dan"}));
}

TEST_CASE_METHOD(roster_cluster, "a cut shorter than the lease takes nobody away", "[cluster][slow]") {
  one[chat].enter("ann");
  two[chat].enter("bob");
  CHECK(all_see(chat, {"ann", "bob"}));
  two.proxy.cut();
  two[chat].enter("dan"); // never leaves this node
  two.proxy.heal();
  CHECK(all_see(chat, {"ann", "bob", "dan"}));
}

TEST_CASE_METHOD(roster_cluster, "rosters agree again after NATS was stopped for longer than the lease",
                 "[cluster][slow]") {
  one[chat].enter("ann");
  two[chat].enter("bob");
  CHECK(all_see(chat, {"ann", "bob"}));
  server.stop_for_now();
  one[chat].enter("cid");
  two[chat].leave("bob");
  CHECK(soon([&] { return one[chat].seen() == people{"ann", "cid"} && two[chat].seen().empty(); }));
  server.go_on();
  CHECK(all_see(chat, {"ann", "cid"}));
}

TEST_CASE_METHOD(roster_cluster, "rosters agree again after NATS was started again", "[cluster][slow]") {
  one[chat].enter("ann");
  two[chat].enter("bob");
  CHECK(all_see(chat, {"ann", "bob"}));
  server.kill();
  one[chat].enter("cid");
  two[chat].leave("bob");
  three["chat.2"].enter("eve");
  server.start();
  CHECK(all_see(chat, {"ann", "cid"}));
  CHECK(soon([&] { return one["chat.2"].seen() == people{"eve"}; }));
}

TEST_CASE("a node that was stopped itself does not take the others for gone, and asks", "[cluster][slow]") {
  auto how = quick();
  how.beat = 500ms;
  how.lease = 2s;
  roster_cluster c{how};
  c.one[chat].enter("ann");
  c.two[chat].enter("bob");
  CHECK(c.all_see(chat, {"ann", "bob"}));
  const auto asked = c.one.counters().asked.load();
  c.one.time.sleep(10s);
  CHECK(c.soon([&] { return c.one.counters().asked > asked; }));
  c.work(how.lease);
  CHECK(c.one[chat].gone.empty());
  CHECK(c.one[chat].seen() == people{"ann", "bob"});
}

TEST_CASE("nobody is gone for a node that has yet to read what they said", "[cluster][slow]") {
  auto how = quick();
  how.beat = 200ms;
  how.lease = 2s;
  roster_cluster c{how};
  c.one[chat].enter("ann");
  c.two[chat].enter("bob");
  CHECK(c.all_see(chat, {"ann", "bob"}));
  // One thread hears what comes on all connections of a process, and somebody keeps it.
  recording_log log;
  cluster::nats_options o;
  o.servers = {c.server.url()};
  o.node = "load";
  const auto opened = cluster::nats_link::open(o, log);
  REQUIRE(opened.has_value());
  auto& load = **opened;
  load.observe({});
  std::atomic<bool> done = false;
  const auto events = load.subscribe("events.>", [&](const cluster::nats_message&) {
    std::this_thread::sleep_for(3s);
    done = true;
  });
  load.send("events.many", {}, "x");
  CHECK(c.soon([&] { return done.load(); }));
  c.work(how.beat);
  for (auto* n : {&c.one, &c.two, &c.three}) {
    CHECK((*n)[chat].gone.empty());
    CHECK((*n)[chat].seen() == people{"ann", "bob"});
  }
  load.close();
}

TEST_CASE_METHOD(roster_cluster, "the people of a node that drained are expected for a lease",
                 "[cluster][slow]") {
  one[chat].enter("ann");
  two[chat].enter("bob");
  CHECK(all_see(chat, {"ann", "bob"}));
  two.bus->drain();
  const auto begun = std::chrono::steady_clock::now();
  two.stop();
  CHECK(one[chat].seen() == people{"ann", "bob"});
  CHECK(soon([&] { return one[chat].seen() == people{"ann"}; }));
  CHECK(std::chrono::steady_clock::now() - begun > quick().lease / 2);
}

} // namespace
} // namespace hubbub::test
