// An actor with a mailbox that loops run: in order, a bounded number of messages in a turn, each of them
// once.
#include "actors/loop_actor.hpp"
#include "tests/support/catch.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/execution_unit.hpp>
#include <caf/make_actor.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace hubbub::tests {

/// Who sent it, and the how manieth of its own it is.
struct numbered {
  int by = 0;
  int number = 0;
};

} // namespace hubbub::tests

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hubbub::tests::numbered)

namespace hubbub::tests {
namespace {

constexpr int breaks = -1;
constexpr int ends = -2;

/// What became of one, also after its end.
struct diary {
  int begun = 0;
  std::vector<numbered> read;
  std::string reason;
  bool destroyed = false;
};

class writer final : public actors::loop_actor {
public:
  writer(caf::actor_config& cfg, diary& into) : actors::loop_actor{cfg}, into_{into} {}
  ~writer() override { into_.destroyed = true; }

  bool cleanup(caf::error&& reason, caf::execution_unit* host) override {
    into_.reason = caf::to_string(reason);
    return actors::loop_actor::cleanup(std::move(reason), host);
  }

private:
  void begin() override { ++into_.begun; }
  void read(caf::mailbox_element& what) override {
    const auto& n = what.content().get_as<numbered>(0);
    if (n.number == breaks)
      throw std::runtime_error{"it broke"};
    if (n.number == ends)
      return quit();
    into_.read.push_back(n);
  }
  diary& into_;
};

/// A loop's list of who is to run.
class to_run final : public caf::execution_unit {
public:
  void exec_later(caf::resumable* job) override {
    std::lock_guard hold{mutex_};
    jobs_.push_back(job);
  }
  [[nodiscard]] std::size_t size() {
    std::lock_guard hold{mutex_};
    return jobs_.size();
  }
  /// Runs the first, as a loop does. False: there is none.
  bool run_one(std::size_t most) {
    caf::resumable* job = nullptr;
    {
      std::lock_guard hold{mutex_};
      if (jobs_.empty())
        return false;
      job = jobs_.front();
      jobs_.erase(jobs_.begin());
    }
    if (job->resume(this, most) == caf::resumable::resume_later)
      exec_later(job);
    else
      caf::intrusive_ptr_release(job);
    return true;
  }

private:
  std::mutex mutex_;
  std::vector<caf::resumable*> jobs_;
};

struct stage {
  caf::actor_system_config config;
  caf::actor_system system{config};
  to_run loop;
  diary told;
  caf::strong_actor_ptr actor;

  stage() {
    caf::actor_config how;
    actor = caf::make_actor<writer, caf::strong_actor_ptr>(system.next_actor_id(), system.node(), &system,
                                                           how, told);
  }
  void send(numbered n) {
    actor->enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, n), &loop);
  }
};

} // namespace

TEST_CASE("an actor of the loops sleeps until its first message, and is scheduled once for many",
          "[loop_actor]") {
  stage s;
  CHECK(s.loop.size() == 0);
  for (int i = 0; i < 5; ++i)
    s.send({0, i});
  CHECK(s.loop.size() == 1);
  CHECK(s.told.begun == 0);
  CHECK(s.loop.run_one(100));
  CHECK(s.told.begun == 1);
  REQUIRE(s.told.read.size() == 5);
  for (int i = 0; i < 5; ++i)
    CHECK(s.told.read[static_cast<std::size_t>(i)].number == i);
  CHECK(s.loop.size() == 0);
  s.send({0, 5});
  CHECK(s.loop.size() == 1);
  s.loop.run_one(100);
  CHECK(s.told.read.size() == 6);
  CHECK(s.told.begun == 1);
}

TEST_CASE("an actor of the loops reads no more in a turn than it may, and goes on in the next one",
          "[loop_actor]") {
  stage s;
  for (int i = 0; i < 5; ++i)
    s.send({0, i});
  s.loop.run_one(2);
  CHECK(s.told.read.size() == 2);
  s.send({0, 5});
  CHECK(s.loop.size() == 1);
  while (s.loop.run_one(2)) {
  }
  REQUIRE(s.told.read.size() == 6);
  for (int i = 0; i < 6; ++i)
    CHECK(s.told.read[static_cast<std::size_t>(i)].number == i);
}

TEST_CASE("an actor of the loops that breaks ends with what broke it, and drops what it has not read",
          "[loop_actor]") {
  stage s;
  s.send({0, 1});
  SECTION("by an exception") { s.send({0, breaks}); }
  SECTION("because it wants to") { s.send({0, ends}); }
  s.send({0, 2});
  CHECK(s.loop.run_one(100));
  CHECK(s.told.read.size() == 1);
  s.send({0, 3});
  CHECK(s.loop.size() == 0);
  s.actor.reset();
  CHECK(s.told.destroyed);
}

TEST_CASE("an exception's text is why an actor of the loops has ended", "[loop_actor]") {
  stage s;
  s.send({0, breaks});
  s.loop.run_one(1);
  CHECK(s.told.reason.find("it broke") != std::string::npos);
}

TEST_CASE("an actor of the loops that nobody holds any more cleans up, with or without a turn",
          "[loop_actor]") {
  stage s;
  SECTION("never run") {}
  SECTION("run once") {
    s.send({0, 1});
    s.loop.run_one(1);
    s.loop.run_one(1);
  }
  s.actor.reset();
  CHECK(s.told.destroyed);
  CHECK_FALSE(s.told.reason.empty());
}

TEST_CASE("messages from several threads each come once, and each thread's in its order", "[loop_actor]") {
  stage s;
  constexpr int senders = 3, each = 20'000;
  std::atomic<int> going{senders};
  std::vector<std::thread> threads;
  for (int by = 0; by < senders; ++by)
    threads.emplace_back([&s, &going, by] {
      for (int i = 0; i < each; ++i)
        s.send({by, i});
      --going;
    });
  while (going != 0 || s.loop.size() != 0)
    if (!s.loop.run_one(7))
      std::this_thread::yield();
  for (auto& t : threads)
    t.join();
  while (s.loop.run_one(7)) {
  }
  CHECK(s.told.read.size() == senders * each);
  std::vector<int> next(senders);
  auto in_order = true;
  for (const auto& n : s.told.read)
    in_order = in_order && n.number == next[static_cast<std::size_t>(n.by)]++;
  CHECK(in_order);
}

} // namespace hubbub::tests
