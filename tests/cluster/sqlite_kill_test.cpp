#include "cluster/embedded_bus.hpp"
#include "tests/cluster/room_double.hpp"
#include "tests/cluster/temp_dir.hpp"
#include "tests/support/catch.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <random>
#include <sstream>
#include <thread>

namespace hubbub::test {
namespace {

using namespace std::chrono_literals;

constexpr auto dir_variable = "HUBBUB_TEST_DATA_DIR";
constexpr auto sync_variable = "HUBBUB_TEST_SYNC";
constexpr auto confirmations = 3; // the child's descriptor
constexpr auto rooms = 8;

cluster::embedded_options options_for(const std::string& dir, const std::string& sync) {
  cluster::embedded_options options;
  options.data_dir = dir;
  options.sync = sync == "full" ? cluster::embedded_options::sync_mode::full
                                : cluster::embedded_options::sync_mode::normal;
  return options;
}

broker::namespaces day_of_history() {
  broker::policy rules;
  rules.history_size = 1'000'000;
  rules.history_age = 24h;
  return broker::namespaces{rules};
}

/// Writes a line for each confirmation: room, offset, epoch, id, data.
class reporting_handler final : public broker::event_bus_handler {
public:
  explicit reporting_handler(std::string room) : room_{std::move(room)} {}
  void on_ready(broker::stream_position) override {}
  void on_unavailable(broker::refusal why) override { give_up(why); }
  bool on_event(broker::stored_event_ptr e) override {
    data_ = e->data;
    return true;
  }
  void on_stored(broker::publish_token, broker::stored what) override {
    const auto line = room_ + ' ' + std::to_string(what.position.offset) + ' ' + what.position.epoch + ' ' +
                      what.event_id + ' ' + data_ + '\n';
    if (::write(confirmations, line.data(), line.size()) < 0)
      ::_exit(3);
    waiting_.fetch_sub(1);
  }
  void on_refused(broker::publish_token, broker::publish_refused what) override { give_up(what.why); }
  void on_epoch(broker::stream_position) override {}
  void on_lost(std::uint64_t) override {}

  std::atomic<int> waiting_{0};

private:
  static void give_up(const broker::refusal& why) {
    ::dprintf(2, "child: %s\n", why.message.c_str());
    ::_exit(4);
  }
  const std::string room_;
  std::string data_;
};

/// What runs in the child until it is killed. Not a test: hidden, and does nothing when run by hand.
TEST_CASE("the child of the kill test publishes until it is killed", "[.child]") {
  const auto* dir = std::getenv(dir_variable);
  const auto* sync = std::getenv(sync_variable);
  if (dir == nullptr || sync == nullptr)
    return;
  static const broker::system_clock time;
  auto bus = cluster::open_embedded_bus(options_for(dir, sync), day_of_history(), time);
  if (!bus) {
    ::dprintf(2, "child: %s\n", bus.error().message.c_str());
    ::_exit(5);
  }
  std::vector<std::shared_ptr<reporting_handler>> handlers;
  std::vector<std::unique_ptr<broker::interest>> interests;
  for (auto r = 0; r < rooms; ++r) {
    const auto name = "chat." + std::to_string(r);
    handlers.push_back(std::make_shared<reporting_handler>(name));
    interests.push_back((*bus)->want(room(name), handlers.back()));
  }
  std::minstd_rand random{static_cast<unsigned>(::getpid())};
  for (std::uint64_t n = 0;; ++n) {
    const auto r = n % rooms;
    while (handlers[r]->waiting_ > 32)
      std::this_thread::yield();
    broker::event e;
    e.room = room("chat." + std::to_string(r));
    e.data = std::to_string(::getpid()) + "/" + std::to_string(n) + "/" + std::string(random() % 300, 'x');
    if (n % 2 == 0)
      e.event_id = std::to_string(::getpid()) + "-" + std::to_string(n);
    handlers[r]->waiting_.fetch_add(1);
    interests[r]->publish(n, std::move(e));
  }
}

struct confirmed {
  std::uint64_t offset;
  std::string epoch, id, data;
};

/// Runs a child for a while, kills it, and adds what it was told is kept.
void run_and_kill(const std::string& dir, const std::string& sync, std::chrono::milliseconds life,
                  std::map<std::string, std::vector<confirmed>>& told) {
  int pipe[2];
  REQUIRE(::pipe2(pipe, O_CLOEXEC) == 0);
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::dup2(pipe[1], confirmations);
    if (pipe[1] == confirmations)
      ::fcntl(confirmations, F_SETFD, 0);
    ::dup2(2, 1);
    ::setenv(dir_variable, dir.c_str(), 1);
    ::setenv(sync_variable, sync.c_str(), 1);
    ::execl("/proc/self/exe", "test_cluster", "[.child]", static_cast<char*>(nullptr));
    ::_exit(6);
  }
  ::close(pipe[1]);
  // Killed in `life` after its first confirmation, by a thread, as what it says must be read meanwhile.
  std::string said;
  std::thread killer;
  char buffer[65'536];
  for (::ssize_t n; (n = ::read(pipe[0], buffer, sizeof buffer)) > 0;) {
    if (!killer.joinable())
      killer = std::thread{[=] {
        std::this_thread::sleep_for(life);
        ::kill(child, SIGKILL);
      }};
    said.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(pipe[0]);
  if (killer.joinable())
    killer.join();
  auto status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(WTERMSIG(status) == SIGKILL);

  std::istringstream lines{said.substr(0, said.rfind('\n') + 1)};
  std::string name;
  for (confirmed c; lines >> name >> c.offset >> c.epoch >> c.id >> c.data;)
    told[name].push_back(c);
}

void kill_twenty_times(const std::string& sync) {
  temp_dir dir;
  static const broker::system_clock time;
  std::mt19937 random{std::random_device{}()};
  std::map<std::string, std::vector<confirmed>> told;
  std::size_t before = 0;
  for (auto kill = 0; kill < 20; ++kill) {
    const auto life = std::chrono::milliseconds{std::uniform_int_distribution{0, 120}(random)};
    INFO("sync " << sync << ", kill " << kill << " after " << life.count() << " ms");
    run_and_kill(dir.path(), sync, life, told);

    auto bus = cluster::open_embedded_bus(options_for(dir.path(), sync), day_of_history(), time);
    REQUIRE(bus.has_value());
    std::size_t all = 0;
    for (const auto& [name, list] : told) {
      const auto r = read(**bus, after(name, 0));
      REQUIRE(r.why.code == broker::errc::ok);
      REQUIRE(r.complete);
      std::map<std::uint64_t, broker::stored_event_ptr> kept;
      std::uint64_t previous = 0;
      auto holes = 0, wrong = 0;
      for (const auto& e : r.events) {
        holes += e->previous != previous;
        previous = e->offset;
        kept[e->offset] = e;
      }
      std::uint64_t last = 0;
      for (const auto& c : list) {
        const auto it = kept.find(c.offset);
        wrong += c.offset <= last || c.epoch != r.head.epoch || it == kept.end() ||
                 it->second->event_id != c.id || it->second->data != c.data;
        last = c.offset;
      }
      REQUIRE(holes == 0);
      REQUIRE(wrong == 0);
      all += list.size();
    }
    CHECK(all > before);
    before = all;
  }
}

TEST_CASE("what was confirmed is there after a kill at any moment, twenty times", "[sqlite][slow]") {
  kill_twenty_times("full");
}

TEST_CASE("without full sync, what was confirmed is there after a kill all the same", "[sqlite][slow]") {
  kill_twenty_times("normal");
}

} // namespace
} // namespace hubbub::test
