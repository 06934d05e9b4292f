#include "tests/cluster/roster_kit.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/process_use.hpp"

#include <algorithm>
#include <atomic>

namespace hubbub::test {
namespace {

using namespace std::chrono;

TEST_CASE_METHOD(roster_cluster, "who comes, changes and goes is seen on every node", "[cluster][slow]") {
  one[chat].enter("ann", R"("here")");
  two[chat].enter("bob");
  CHECK(all_see(chat, {"ann", "bob"}));
  one[chat].update("ann", R"("away")");
  CHECK(soon([&] { return three[chat].members()[0].info == R"("away")"; }));
  three[chat].enter("bob");
  CHECK(soon([&] { return one[chat].members()[1].connections == 2; }));
  two[chat].leave("bob");
  CHECK(soon([&] { return one[chat].members()[1].connections == 1; }));
  three[chat].leave("bob");
  CHECK(all_see(chat, {"ann"}));
  CHECK(one.counters().malformed == 0);
  CHECK(one.counters().foreign == 0);
}

TEST_CASE_METHOD(patient_cluster, "a room that comes late is told of everybody", "[cluster][slow]") {
  one[chat].enter("ann");
  two[chat].enter("bob");
  CHECK(soon([&] { return one[chat].seen().size() == 2 && two[chat].seen().size() == 2; }));
  CHECK(soon([&] { return three[chat].is_synced(); }));
  CHECK(three[chat].seen() == people{"ann", "bob"});
}

TEST_CASE_METHOD(roster_cluster, "a node that comes late is told of everybody", "[cluster][slow]") {
  one[chat].enter("ann");
  two[chat].enter("bob");
  roster_node four{server, "four"};
  CHECK(soon([&] { return four[chat].is_synced() && four[chat].seen() == people{"ann", "bob"}; }));
  four[chat].enter("dan");
  CHECK(soon([&] {
    four.pump();
    return two[chat].seen().contains("dan") && three[chat].seen() == people{"ann", "bob", "dan"};
  }));
}

TEST_CASE_METHOD(patient_cluster, "a room that no other node has is there at once", "[cluster][slow]") {
  const auto before = steady_clock::now();
  CHECK(soon([&] { return one["chat.alone"].is_synced(); }));
  const auto alone = steady_clock::now() - before;
  two["chat.alone"].enter("bob");
  const auto between = steady_clock::now();
  CHECK(soon([&] { return three["chat.alone"].is_synced(); }));
  const auto shared = steady_clock::now() - between;
  CHECK(three["chat.alone"].seen() == people{"bob"});
  WARN("a room was told of everybody after " << duration_cast<microseconds>(alone).count() << " us, and "
                                             << duration_cast<microseconds>(shared).count()
                                             << " us where another node had it");
  CHECK(alone < patient().sync);
  CHECK(shared < patient().sync);
  CHECK(three["chat.alone"].synced == 1);
}

TEST_CASE("a node says that it knows the others when each has had the time to be heard", "[cluster][slow]") {
  nats_server server;
  auto how = quick();
  how.beat = 15s; // no test reaches it
  how.lease = 60s;
  roster_node one{server, "one", how};
  roster_node two{server, "two", how};
  CHECK(eventually([&] { return one.knows(1); }));
  CHECK_FALSE(one.bus->knows_others());
  one.time.sleep(2 * how.beat);
  CHECK(one.bus->knows_others());
  // Who is cut off does not hear who comes, and has to hear them when it is back.
  one.proxy.cut();
  CHECK(eventually([&] { return !one.bus->knows_others(); }));
  one.proxy.heal();
  two[chat].enter("bob");
  CHECK(eventually([&] {
    two.pump();
    return one[chat].seen() == people{"bob"} && !one.bus->knows_others();
  }));
}

TEST_CASE_METHOD(roster_cluster, "parts lost on the way are asked for", "[cluster][slow]") {
  one[chat].enter("ann");
  CHECK(all_see(chat, {"ann"}));
  three.proxy.lose("hubbub.presence." + chat, "bob");
  one[chat].enter("bob");
  CHECK(soon([&] { return two[chat].seen() == people{"ann", "bob"}; }));
  CHECK(soon([&] { return three.proxy.lost() == 1; }));
  one[chat].enter("cid");
  CHECK(all_see(chat, {"ann", "bob", "cid"}));
  CHECK(three.counters().missed > 0);
}

TEST_CASE_METHOD(patient_cluster, "a lost last part of a quiet room is noticed by the beat",
                 "[cluster][slow]") {
  one[chat].enter("ann");
  CHECK(all_see(chat, {"ann"}));
  three.proxy.lose("hubbub.presence." + chat, "ann");
  one[chat].leave("ann");
  CHECK(soon([&] { return three.proxy.lost() == 1; }));
  const auto before = steady_clock::now();
  CHECK(all_see(chat, {}));
  CHECK(steady_clock::now() - before < patient().lease);
}

TEST_CASE_METHOD(roster_cluster, "a lost answer is asked for again", "[cluster][slow]") {
  one[chat].enter("ann");
  CHECK(soon([&] { return two[chat].seen() == people{"ann"}; }));
  three.proxy.lose("hubbub.node.to.", "ann");
  CHECK(soon([&] { return three[chat].is_synced(); }));
  CHECK(three[chat].seen().empty());
  three.proxy.lose_nothing();
  CHECK(all_see(chat, {"ann"}));
}

TEST_CASE("a lost answer is missed by a node that does not know yet who there is", "[cluster][slow]") {
  auto how = quick();
  how.few_nodes = 0; // as where there are many
  roster_cluster c{how};
  c.one[chat].enter("ann");
  CHECK(c.soon([&] { return c.two[chat].seen() == people{"ann"}; }));
  c.work(how.lease + 4 * how.beat); // no beat names the room any more
  c.three.proxy.lose("hubbub.node.to.", "ann");
  static_cast<void>(c.three[chat].seen());
  CHECK(c.soon([&] { return c.three.proxy.lost() > 0; }));
  c.three.proxy.lose_nothing();
  CHECK(c.all_see(chat, {"ann"}));
}

TEST_CASE_METHOD(roster_cluster, "what a room told is taken back a while after its end", "[cluster][slow]") {
  one[chat].enter("ann");
  two[chat].enter("bob");
  CHECK(all_see(chat, {"ann", "bob"}));
  one.forget(chat);
  CHECK(soon([&] { return two[chat].seen() == people{"bob"}; }));
  // It comes again as it never was.
  one[chat].enter("cid");
  CHECK(all_see(chat, {"bob", "cid"}));
}

TEST_CASE("a room that comes again after a crash keeps its people", "[cluster][slow]") {
  auto how = quick();
  how.take_back = 500ms;
  roster_cluster c{how};
  c.one[chat].enter("ann");
  c.one[chat].enter("bob");
  c.two[chat].enter("cid");
  CHECK(c.all_see(chat, {"ann", "bob", "cid"}));
  auto lost = false;
  c.one.forget(chat);
  c.one[chat].enter("ann");
  const auto end = steady_clock::now() + 3 * how.take_back;
  CHECK(c.soon([&] {
    lost = lost || !c.two[chat].seen().contains("ann");
    return steady_clock::now() > end;
  }));
  CHECK_FALSE(lost);
  CHECK(c.all_see(chat, {"ann", "cid"}));
}

TEST_CASE_METHOD(roster_cluster, "a room that comes again without people takes back what it told",
                 "[cluster][slow]") {
  one[chat].enter("ann");
  two[chat].enter("bob");
  CHECK(all_see(chat, {"ann", "bob"}));
  one.forget(chat);
  CHECK(all_see(chat, {"bob"}));
}

TEST_CASE_METHOD(roster_cluster, "nodes can be listed, and show that they drain", "[cluster][slow]") {
  two.bus->drain();
  CHECK(soon([&] {
    for (const auto& n : one.bus->nodes())
      if (n.name == "two" && n.owner == two.bus->self())
        return n.draining;
    return false;
  }));
  CHECK(one.knows(2));
}

TEST_CASE_METHOD(roster_cluster, "messages of all kinds that make no sense are counted and change nothing",
                 "[cluster][slow]") {
  one[chat].enter("ann");
  two[chat].enter("bob");
  CHECK(all_see(chat, {"ann", "bob"}));
  nats_wire wire{server.port()};
  const auto own = "hubbub.node.to." + broker::session_id{one.bus->self()}.str();
  const std::string rubbish{"no message at all"};
  for (const auto& subject : {"hubbub.presence." + chat, std::string{"hubbub.node.beat"}, own}) {
    wire.publish(subject, rubbish);
    wire.publish(subject, std::string(4'096, '\xff'));
    wire.publish(subject, std::string(64, '\0'));
    wire.publish(subject, "");
    wire.publish(subject, cluster::write_presence(cluster::beat_message{"", 0, 0, 0, false, {}}));
  }
  CHECK(soon([&] { return one.counters().malformed == 15; }));

  // Well formed, and in the wrong place.
  wire.publish("hubbub.node.beat", cluster::write_presence(cluster::told_message{77, {}}));
  wire.publish("hubbub.presence." + chat, cluster::write_presence(cluster::farewell_message{77}));
  wire.publish(own, cluster::write_presence(cluster::farewell_message{77}));
  cluster::part_message other;
  other.room = room("chat.other");
  other.part.owner = two.bus->self();
  other.part.whole = true;
  wire.publish("hubbub.presence." + chat, cluster::write_presence(other));
  CHECK(soon([&] { return one.counters().foreign == 4; }));

  // Numbers that its owner never told.
  cluster::part_message forged;
  forged.room = room(chat);
  forged.number = 1'000'000;
  forged.part.owner = two.bus->self();
  wire.publish("hubbub.presence." + chat, cluster::write_presence(forged));
  two[chat].enter("cid");
  CHECK(all_see(chat, {"ann", "bob", "cid"}));
  CHECK(one.log.says("malformed"));
}

TEST_CASE("a part larger than a message goes in pieces", "[cluster][slow]") {
  auto how = quick();
  how.piece_bytes = 2'000;
  roster_cluster c{how};
  people everybody;
  for (auto i = 0; i < 300; ++i) {
    everybody.insert("user" + std::to_string(i));
    c.one[chat].enter("user" + std::to_string(i), R"({"about":"a user of this room"})");
  }
  CHECK(c.soon([&] { return c.three[chat].seen() == everybody; }));
  CHECK(c.soon([&] { return c.two[chat].is_synced(); }));
  CHECK(c.soon([&] { return c.two[chat].seen() == everybody; }));
  CHECK(c.two[chat].parts <= 2);
}

TEST_CASE("ten thousand rooms are wanted", "[cluster][slow]") {
  constexpr auto many = 10'000;
  struct deaf final : broker::roster_bus_handler {
    std::atomic<int>& synced;
    explicit deaf(std::atomic<int>& s) : synced{s} {}
    void on_part(broker::roster_part) override {}
    void on_owner_gone(broker::owner_id) override {}
    void on_asked(broker::roster_asker) override {}
    void on_synced() override { ++synced; }
  };
  nats_server server;
  roster_node one{server, "one"};
  roster_node two{server, "two"};
  CHECK(eventually([&] { return one.knows(1) && two.knows(1); }));
  std::vector<broker::room_name> names;
  for (auto i = 0; i < many; ++i)
    names.push_back(room("chat.room-" + std::to_string(i)));
  std::atomic<int> synced{0};
  const auto handler = std::make_shared<deaf>(synced);
  std::vector<std::unique_ptr<broker::roster_interest>> interests;
  interests.reserve(many);
  const auto before = tests::resident_bytes();
  const auto start = steady_clock::now();
  for (const auto& n : names)
    interests.push_back(one.bus->want(n, handler));
  CHECK(eventually([&] { return synced == many; }));
  const auto took = duration_cast<milliseconds>(steady_clock::now() - start);
  std::this_thread::sleep_for(quick().beat * 3);
  const auto each = (tests::resident_bytes() - before) / many;
  WARN("10,000 rooms were there after " << took.count() << " ms and take " << each << " bytes each");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(each < 4'096);
#endif
  // One by one, beside all these, while the other node says of each that it does not have it.
  std::this_thread::sleep_for(quick().beat * 2);
  std::vector<std::int64_t> waits;
  for (auto i = 0; i < 200; ++i) {
    const auto asked = steady_clock::now();
    interests.push_back(one.bus->want(room("chat.later-" + std::to_string(i)), handler));
    while (synced <= many + i && steady_clock::now() - asked < 10s)
      std::this_thread::sleep_for(50us);
    waits.push_back(duration_cast<microseconds>(steady_clock::now() - asked).count());
  }
  std::sort(waits.begin(), waits.end());
  WARN("one more is there after " << waits[100] << " us (p50), " << waits[197] << " us (p99)");
  two["chat.room-77"].enter("ann");
  CHECK(eventually([&] { return two["chat.room-77"].is_synced(); }));
}

} // namespace
} // namespace hubbub::test
