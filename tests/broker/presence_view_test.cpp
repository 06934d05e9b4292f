#include "tests/broker/roster_world.hpp"

#include <thread>

using namespace hubbub::broker;
using namespace hubbub::tests;
using namespace std::chrono_literals;

TEST_CASE_METHOD(roster_fixture, "who is too far behind gets a reset", "[presence]") {
  enter(1, "ann", "0");
  auto early = made().version();
  for (int i = 1; i <= 100; ++i)
    CHECK(made().update({1}, std::to_string(i)));
  auto later = made().version();
  CHECK_FALSE(since(early).reset);
  for (int i = 1; i <= 950; ++i)
    CHECK(made().update({1}, std::to_string(i)));
  CHECK(since(early).reset);
  CHECK_FALSE(since(later).reset);
  for (int i = 1; i <= 100; ++i) // large ones: the bytes are bounded as well
    CHECK(made().update({1}, std::string(1000 + static_cast<std::size_t>(i), '1')));
  CHECK(since(made().version() - 100).reset);
  CHECK_FALSE(since(made().version() - 50).reset);
  CHECK(since(made().version() + 1).reset); // from a future that was lost
}

TEST_CASE_METHOD(roster_fixture, "a roster made anew goes on above the old versions", "[presence]") {
  roster_client ann;
  enter(1, "ann");
  enter(2, "bob");
  ann.read(*made().view());
  auto seed = made().version();
  people = std::make_unique<roster>(lobby, rules, seed);
  enter(1, "ann");
  CHECK(made().version() > seed);
  CHECK(since(ann.version).reset);
  ann.read(*made().view());
  CHECK(ann.members.size() == 1);
}

TEST_CASE_METHOD(roster_fixture, "a roster is read in pages", "[presence]") {
  for (std::uint64_t i = 1; i <= 300; ++i)
    enter(i, "user" + std::to_string(1000 + i));
  auto view = made().view();
  names seen;
  std::string after;
  for (bool more = true; more;) {
    auto p = view->page(70, after);
    CHECK(p.count == 300);
    CHECK(p.members.size() <= 70);
    for (const auto& m : p.members)
      seen.push_back(m.user);
    after = seen.back();
    more = p.more;
  }
  CHECK(seen.size() == 300);
  CHECK(std::ranges::is_sorted(seen));
  CHECK(seen == users(*view->members()));
  CHECK(view->page(0).members.size() == 300);
  CHECK_FALSE(view->page(300).more);
  CHECK(view->page(10, "zzz").members.empty());
}

TEST_CASE_METHOD(roster_fixture, "a view stays as it was", "[presence]") {
  rules.linger = 0ms;
  for (std::uint64_t i = 1; i <= 200; ++i)
    enter(i, "");
  auto view = made().view();
  CHECK(view == made().view());
  auto then = *view->members();
  auto change = view->since(view->version() - 20);
  for (std::uint64_t i = 1; i <= 200; i += 2)
    leave(i);
  for (std::uint64_t i = 300; i <= 400; ++i)
    enter(i, "");
  CHECK(made().view() != view);
  CHECK(*view->members() == then);
  CHECK(view->count() == 200);
  auto again = view->since(view->version() - 20);
  CHECK(again->join == change->join);
  CHECK(made().view()->members()->size() == 201);
}

TEST_CASE_METHOD(roster_fixture, "views are read while the roster goes on", "[presence]") {
  rules.linger = 0ms;
  std::mutex door;
  std::shared_ptr<const presence_view> newest = made().view();
  std::atomic<bool> over{false};
  std::atomic<std::size_t> wrong{0};
  auto reading = [&] {
    std::uint64_t version = 0;
    std::map<std::string, member> known;
    while (!over) {
      std::shared_ptr<const presence_view> v;
      {
        std::lock_guard lock{door};
        v = newest;
      }
      if (auto c = v->since(version)) {
        if (c->reset)
          known.clear();
        for (const auto& m : c->join)
          known[m.user] = m;
        for (const auto& m : c->update)
          known[m.user] = m;
        for (const auto& m : c->leave)
          known.erase(m.user);
        if (known.size() != v->count() || v->members()->size() != v->count())
          ++wrong;
      }
      version = v->version();
    }
  };
  std::thread one{reading};
  std::thread two{reading};
  for (std::uint64_t i = 0; i < 5000; ++i) {
    auto session = i * 7919 % 300 + 1;
    if (i % 3 == 0)
      leave(session);
    else
      enter(session, "", std::to_string(i));
    if (i % 5 == 0) {
      auto v = made().view();
      std::lock_guard lock{door};
      newest = std::move(v);
    }
  }
  over = true;
  one.join();
  two.join();
  CHECK(wrong == 0);
}

TEST_CASE_METHOD(roster_fixture, "after a rest everybody is still there, and who knew less gets a reset",
                 "[presence]") {
  rules.linger = 0ms;
  enter(1, "bob", "1");
  enter(2, "ann");
  roster_client early;
  early.read(*made().view());
  made().rest();
  enter(3, "cid"); // nobody follows
  leave(2);
  roster_client late;
  late.read(*made().view());
  CHECK(late.version == made().version());
  CHECK(late.members.size() == 2);
  CHECK(late.members.at("bob").info == "1");
  CHECK(late.members.contains("cid"));
  CHECK(since(early.version).reset);
  enter(4, "dan"); // from here on step by step
  CHECK_FALSE(since(late.version).reset);
  late.read(*made().view());
  early.read(*made().view());
  CHECK(late.members == early.members);
}
