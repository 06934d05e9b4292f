#include "cluster/nats_link.hpp"
#include "tests/cluster/roster_kit.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <future>

/// Which rooms are occupied, between nodes on a real server, as backends hear of it.
namespace hubbub::test {
namespace {

/// A backend that listens.
class notice_ear {
public:
  explicit notice_ear(const nats_server& server) {
    cluster::nats_options o;
    o.servers = {server.url()};
    o.node = "ear";
    link_ = std::move(cluster::nats_link::open(o, log_).value());
    link_->observe({});
    for (const std::string what : {"occupied", "vacated"})
      subscribed_.push_back(link_->subscribe("hubbub.notify." + what, [this, what](const auto& m) {
        const auto said = nlohmann::json::parse(m.data);
        std::lock_guard lock{mutex_};
        wrong_ = wrong_ || said.size() != 2 || said["time"] < 1'700'000'000'000;
        told_[said["room"]] += what.front();
      }));
    std::promise<void> known;
    link_->request("nobody.listens", {}, {}, [&](auto, const auto&) { known.set_value(); });
    known.get_future().wait();
  }
  ~notice_ear() { link_->close(); }
  notice_ear(const notice_ear&) = delete;
  notice_ear& operator=(const notice_ear&) = delete;

  /// `o` and `v` for each notice of the room.
  [[nodiscard]] std::string said(const std::string& name) {
    std::lock_guard lock{mutex_};
    const auto it = told_.find(name);
    return it == told_.end() ? std::string{} : it->second;
  }
  [[nodiscard]] bool wrong() {
    std::lock_guard lock{mutex_};
    return wrong_;
  }

private:
  broker::null_log log_;
  std::mutex mutex_;
  std::map<std::string, std::string> told_;
  bool wrong_ = false;
  std::unique_ptr<cluster::nats_link> link_;
  std::vector<cluster::nats_link::subscription> subscribed_;
};

/// With a lease that no node should miss, however busy the machine is.
cluster::roster_options telling(bool occupied = true, bool vacated = true) {
  auto how = patient();
  how.tells_occupied = occupied;
  how.tells_vacated = vacated;
  return how;
}

cluster::roster_options telling_within(broker::milliseconds lease) {
  auto how = telling();
  how.lease = lease;
  return how;
}

struct telling_cluster : roster_cluster {
  explicit telling_cluster(const cluster::roster_options& how = telling()) : roster_cluster{how} {}

  static std::vector<std::string> rooms(int from, int to) {
    std::vector<std::string> all;
    for (; from < to; ++from)
      all.push_back("chat." + std::to_string(from));
    return all;
  }
  static void occupy(roster_node& n, const std::vector<std::string>& all, bool here) {
    for (const auto& name : all)
      n.bus->occupy(room(name), here);
  }
  /// Repetitions do not count: where nodes come and go, or a slow machine makes it look so, there may be
  /// some.
  bool all_told(const std::vector<std::string>& all, const std::string& what) {
    auto at = all.begin();
    const auto is = [&](const std::string& name) {
      auto said = ear.said(name);
      said.erase(std::unique(said.begin(), said.end()), said.end());
      return said == what;
    };
    if (eventually([&] { return (at = std::find_if_not(at, all.end(), is)) == all.end(); }) &&
        std::all_of(all.begin(), all.end(), is))
      return true;
    for (const auto& name : all)
      if (!is(name))
        UNSCOPED_INFO(name << " was told as '" << ear.said(name) << "'");
    return false;
  }

  notice_ear ear{server};
};

TEST_CASE_METHOD(telling_cluster, "rooms of three nodes are occupied once and vacated once", "[nats][slow]") {
  const auto all = rooms(0, 30);
  for (auto* n : {&one, &two, &three})
    occupy(*n, all, true);
  CHECK(all_told(all, "o"));
  occupy(one, all, false);
  occupy(two, all, false);
  occupy(two, {"other.1"}, true); // told after what may not be told
  CHECK(all_told({"other.1"}, "o"));
  CHECK(all_told(all, "o"));
  occupy(three, all, false);
  CHECK(all_told(all, "ov"));
  CHECK_FALSE(ear.wrong());
  CHECK(one.counters().noticed + two.counters().noticed + three.counters().noticed == 61);
}

struct mortal_cluster : telling_cluster {
  mortal_cluster() : telling_cluster{telling_within(2s)} {}
};
struct hasty_cluster : telling_cluster {
  hasty_cluster() : telling_cluster{telling_within(1s)} {}
};

TEST_CASE_METHOD(mortal_cluster, "a node dies: its rooms are vacated, what others read is not",
                 "[nats][slow]") {
  occupy(one, rooms(0, 30), true);
  occupy(two, rooms(20, 40), true);
  CHECK(all_told(rooms(0, 40), "o"));
  // What was told of these, the second keepers have noted before they note anything of others.
  occupy(three, rooms(50, 100), true);
  CHECK(all_told(rooms(50, 100), "o"));
  one.kill();
  CHECK(all_told(rooms(0, 20), "ov"));
  occupy(three, {"other.1"}, true);
  CHECK(all_told({"other.1"}, "o"));
  CHECK(all_told(rooms(20, 40), "o"));
  occupy(two, rooms(20, 40), false);
  CHECK(all_told(rooms(20, 40), "ov"));
}

TEST_CASE_METHOD(telling_cluster, "nodes end one after another: the last one says what nobody else could",
                 "[nats][slow]") {
  occupy(one, rooms(0, 20), true);
  CHECK(all_told(rooms(0, 20), "o"));
  two.stop();
  three.stop();
  CHECK(eventually([&] { return one.knows(0); }));
  one.stop();
  CHECK(all_told(rooms(0, 20), "ov"));
}

TEST_CASE_METHOD(hasty_cluster, "after NATS was away for long the last notice of each room is true",
                 "[nats][slow]") {
  occupy(one, rooms(0, 10), true);
  occupy(two, rooms(10, 20), true);
  CHECK(all_told(rooms(0, 20), "o"));
  server.stop_for_now();
  occupy(two, rooms(10, 20), false);
  occupy(three, rooms(20, 30), true);
  std::this_thread::sleep_for(1500ms); // longer than a lease
  server.go_on();
  CHECK(eventually([&] {
    for (const auto& name : rooms(0, 30))
      if (const auto said = ear.said(name);
          said.empty() || said.back() != (name.size() == 6 || name[5] == '2' ? 'o' : 'v'))
        return false;
    return true;
  }));
}

TEST_CASE("what is not asked for is not told, and nothing is kept of it", "[nats][slow]") {
  telling_cluster some{telling(false, true)};
  telling_cluster::occupy(some.one, {"chat.1"}, true);
  telling_cluster::occupy(some.one, {"chat.1"}, false);
  CHECK(some.all_told({"chat.1"}, "v"));
  telling_cluster none{telling(false, false)};
  telling_cluster::occupy(none.one, {"chat.2"}, true);
  telling_cluster::occupy(none.one, {"chat.2"}, false);
  none.work(300ms);
  CHECK(none.ear.said("chat.2").empty());
  CHECK(none.one.counters().noticed == 0);
}

TEST_CASE("ten thousand rooms with readers are told, and all vacated when their node dies", "[nats][slow]") {
  mortal_cluster all;
  std::vector<std::string> names;
  for (int i = 0; i < 10'000; ++i)
    names.push_back("chat." + std::to_string(i));
  telling_cluster::occupy(all.one, names, true);
  CHECK(all.all_told(names, "o"));
  all.one.kill();
  CHECK(all.all_told(names, "ov"));
}

} // namespace
} // namespace hubbub::test
