#include "tests/cluster/occupancy_cluster.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>

/// The register of occupied rooms between nodes, without NATS and without threads.
namespace hubbub::test {
namespace {

using ms = std::chrono::milliseconds;

struct three_keepers : occupancy_cluster {
  three_keepers() : ids{join(), join(), join()} { REQUIRE(settle()); }

  /// A room whose first and second keepers are these; 0: any.
  std::string room_of(id first, id second = 0) {
    for (int i = 0;; ++i) {
      auto name = "chat." + std::to_string(i);
      const auto k = keepers(name);
      if ((first == 0 || k.first == first) && (second == 0 || k.second == second))
        return name;
    }
  }
  std::vector<bool> words(const std::string& name) {
    std::vector<bool> all;
    for (const auto& n : told(name))
      all.push_back(n.occupied);
    return all;
  }

  const std::vector<id> ids;
};

using words_of = std::vector<bool>;

TEST_CASE("rendezvous: a node that goes is followed by the second, and nobody else's rooms move",
          "[cluster]") {
  const std::vector<broker::owner_id> four{3, 17, 0xffffffffffffffff, 1'000'000};
  std::map<broker::owner_id, int> shares;
  for (std::uint64_t r = 0; r < 4'000; ++r) {
    const auto all = cluster::keepers_of(r, four);
    ++shares[all.first];
    REQUIRE(all.first != all.second);
    for (const auto gone : four) {
      auto rest = four;
      std::erase(rest, gone);
      const auto after = cluster::keepers_of(r, rest);
      CHECK(after.first == (gone == all.first ? all.second : all.first));
      if (gone != all.first && gone != all.second)
        CHECK(after.second == all.second);
    }
  }
  for (const auto node : four)
    CHECK((shares[node] > 850 && shares[node] < 1'150));
  CHECK(cluster::keepers_of(7, {5}) == cluster::room_keepers{5, 0});
  CHECK(cluster::keepers_of(7, {}) == cluster::room_keepers{});
}

TEST_CASE_METHOD(three_keepers, "a room that several nodes read is occupied once and vacated once",
                 "[cluster]") {
  enter(ids[0], "chat.1");
  enter(ids[1], "chat.1");
  run(ms{500});
  enter(ids[2], "chat.1");
  leave(ids[0], "chat.1");
  run(ms{500});
  CHECK(words("chat.1") == words_of{true});
  leave(ids[1], "chat.1");
  leave(ids[2], "chat.1");
  REQUIRE(settle());
  CHECK(words("chat.1") == words_of{true, false});
  for (const auto who : ids)
    CHECK(size_of(who) == 0); // nothing is kept of a room that was
}

TEST_CASE_METHOD(three_keepers, "a reader of a moment is told, too; one that comes back at once is not",
                 "[cluster]") {
  for (const auto who : ids) {
    const auto name = "chat." + std::to_string(who % 97);
    enter(who, name);
    leave(who, name);
    REQUIRE(settle());
    CHECK(words(name) == words_of{true, false});
    enter(who, name);
    REQUIRE(settle());
    forget_notices();
    leave(who, name);
    enter(who, name);
    REQUIRE(settle());
    CHECK(words(name).empty());
    leave(who, name);
    REQUIRE(settle());
  }
}

TEST_CASE_METHOD(three_keepers, "a node that joins, and takes rooms over, repeats nothing", "[cluster]") {
  for (int i = 0; i < 300; ++i)
    enter(ids[static_cast<std::size_t>(i) % 3], "chat." + std::to_string(i));
  REQUIRE(settle());
  CHECK(notices() == 300);
  forget_notices();
  const auto four = join();
  REQUIRE(settle());
  CHECK(notices() == 0);
  int taken = 0;
  for (int i = 0; i < 300; ++i) {
    const auto name = "chat." + std::to_string(i);
    taken += keepers(name).first == four ? 1 : 0;
    leave(ids[static_cast<std::size_t>(i) % 3], name);
  }
  CHECK(taken > 30);
  REQUIRE(settle());
  for (int i = 0; i < 300; ++i)
    CHECK(words("chat." + std::to_string(i)) == words_of{false});
  for (const auto who : nodes())
    CHECK(size_of(who) == 0);
}

TEST_CASE_METHOD(three_keepers, "a keeper dies: what is read elsewhere is not repeated", "[cluster]") {
  for (int i = 0; i < 100; ++i)
    enter(ids[1], "chat." + std::to_string(i));
  REQUIRE(settle());
  forget_notices();
  kill(ids[0]); // the first keeper of some, and the second of others
  REQUIRE(settle());
  CHECK(notices() == 0);
  for (int i = 0; i < 100; ++i)
    leave(ids[1], "chat." + std::to_string(i));
  REQUIRE(settle());
  for (int i = 0; i < 100; ++i)
    CHECK(words("chat." + std::to_string(i)) == words_of{false});
}

TEST_CASE_METHOD(three_keepers, "the first keeper dies, and with it the only readers: it is vacated",
                 "[cluster]") {
  const auto name = room_of(ids[0]);
  enter(ids[0], name);
  REQUIRE(settle());
  const auto dies = now();
  kill(ids[0]);
  REQUIRE(settle());
  CHECK(words(name) == words_of{true, false});
  CHECK(told(name).back().when - dies < lease + ms{1'000});
}

TEST_CASE_METHOD(three_keepers, "the node with the only readers dies: its rooms are vacated", "[cluster]") {
  for (int i = 0; i < 100; ++i)
    enter(ids[0], "chat." + std::to_string(i));
  enter(ids[1], "chat.7");
  REQUIRE(settle());
  forget_notices();
  kill(ids[0]);
  REQUIRE(settle());
  for (int i = 0; i < 100; ++i) {
    const auto name = "chat." + std::to_string(i);
    CHECK(words(name) == (i == 7 ? words_of{} : words_of{false}));
  }
}

TEST_CASE_METHOD(three_keepers, "a first keeper that dies before it has told leaves that to the second",
                 "[cluster]") {
  const auto name = room_of(ids[0], ids[1]);
  enter(ids[2], name);
  for (int i = 0; i < 20 && told(name).empty(); ++i)
    run(ms{10});
  kill(ids[0]); // at about the time when it tells
  leave(ids[2], name);
  REQUIRE(settle());
  REQUIRE_FALSE(words(name).empty());
  CHECK_FALSE(words(name).back());
}

TEST_CASE_METHOD(three_keepers, "nothing is told while a new keeper has not heard of all", "[cluster]") {
  const auto name = room_of(ids[0]);
  enter(ids[1], name);
  REQUIRE(settle());
  forget_notices();
  lost = 100;
  kill(ids[0]);
  run(lease + ms{1'000});
  CHECK(words(name).empty());
  lost = 0;
  REQUIRE(settle());
  CHECK(words(name).empty());
}

TEST_CASE_METHOD(three_keepers, "a node that was cut off: its rooms are vacated, and occupied again after it",
                 "[cluster]") {
  const auto name = room_of(ids[1], ids[2]);
  enter(ids[0], name);
  REQUIRE(settle());
  cut(ids[0], true);
  run(lease);
  let_go(ids[0]);
  run(ms{1'000});
  CHECK(words(name) == words_of{true, false});
  heal(ids[0], lease + ms{1'000});
  REQUIRE(settle());
  CHECK(words(name).back());
}

TEST_CASE_METHOD(three_keepers, "a node of which only one node loses sight is put right", "[cluster]") {
  const auto name = room_of(ids[0]);
  enter(ids[1], name);
  enter(ids[0], "chat.x");
  REQUIRE(settle());
  forget_for(ids[2], ids[0], ms{9'000});
  forget_for(ids[2], ids[1], ms{9'000});
  run(ms{9'000});
  REQUIRE(settle());
  CHECK(is_told_occupied(name));
  CHECK(is_told_occupied("chat.x"));
  leave(ids[1], name);
  leave(ids[0], "chat.x");
  REQUIRE(settle());
  CHECK_FALSE(is_told_occupied(name));
  CHECK_FALSE(is_told_occupied("chat.x"));
}

TEST_CASE_METHOD(three_keepers, "a last node that ends knows what nobody else can tell", "[cluster]") {
  cluster::occupancy alone{7, {}};
  const broker::steady_time now{};
  alone.set(room("chat.1"), true);
  alone.members({7}, now);
  alone.tick(now, true);
  const auto batch = alone.take_batch();
  REQUIRE(batch);
  CHECK(alone.last_words().size() == 1); // it may have been told
  alone.told(batch->id, true);
  CHECK(alone.last_words() == std::vector{room("chat.1")});
  alone.members({7, 9}, now);
  CHECK(alone.last_words().empty());
}

TEST_CASE_METHOD(three_keepers, "ten thousand rooms go in few messages", "[cluster]") {
  const auto before = messages;
  for (int i = 0; i < 10'000; ++i)
    enter(ids[static_cast<std::size_t>(i) % 3], "chat." + std::to_string(i));
  REQUIRE(settle());
  CHECK(notices() == 10'000);
  CHECK(messages - before < 1'000);
  std::size_t all = 0;
  for (const auto who : ids)
    all += size_of(who);
  CHECK(all <= 30'000);
}

TEST_CASE_METHOD(three_keepers, "whoever is no member is not heard", "[cluster]") {
  cluster::occupancy one{7, {}};
  one.members({7, 9}, {});
  cluster::occupancy_message m;
  m.owner = 8;
  m.number = 1;
  m.begin = m.complete = true;
  m.rooms.push_back({room("chat.1"), true, false, cluster::told_word::nothing});
  one.hear(m, {});
  CHECK(one.size() == 0);
  m.owner = 9;
  one.hear(m, {});
  CHECK(one.size() == 1);
}

} // namespace
} // namespace hubbub::test
