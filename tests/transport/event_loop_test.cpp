#include "tests/support/catch.hpp"
#include "tests/support/ws_client.hpp"
#include "tests/transport/test_server.hpp"

#include <ctime>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace hubbub;
using namespace hubbub::tests;

namespace {

/// Writes down the order of things.
struct recording final : broker::turn_phases {
  void decide() override {
    ++turns;
    if (on_decide)
      on_decide();
  }
  void send_news() override { ++sends; }
  bool wants_another() const noexcept override { return more > 0; }
  void tick(broker::steady_time) override { ++ticks; }

  std::function<void()> on_decide;
  std::atomic<int> turns = 0, sends = 0, ticks = 0;
  int more = 0;
};

double cpu_of(std::thread& thread) {
  clockid_t id{};
  pthread_getcpuclockid(thread.native_handle(), &id);
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

struct running_loop {
  broker::system_clock clock;
  transport::event_loop loop{3, clock};
  std::thread thread;

  void start() {
    thread = std::thread{[this] { loop.run(); }};
  }
  ~running_loop() {
    loop.stop();
    if (thread.joinable())
      thread.join();
  }
};

} // namespace

TEST_CASE("jobs from many threads run on the loop, each thread's in order", "[event_loop]") {
  running_loop running;
  running.start();
  constexpr int threads = 4, each = 2000;
  std::vector<std::vector<int>> seen(threads);
  std::atomic<int> done = 0, elsewhere = 0;
  std::vector<std::thread> posting;
  for (int t = 0; t < threads; ++t)
    posting.emplace_back([&, t] {
      for (int i = 0; i < each; ++i)
        running.loop.post([&, t, i] {
          elsewhere += !running.loop.on_this_thread();
          seen[static_cast<std::size_t>(t)].push_back(i);
          ++done;
        });
    });
  for (auto& thread : posting)
    thread.join();
  REQUIRE(eventually(5s, [&] { return done == threads * each; }));
  CHECK(elsewhere == 0);
  CHECK_FALSE(running.loop.on_this_thread());
  CHECK(running.loop.index() == 3);
  for (const auto& one : seen)
    CHECK(std::is_sorted(one.begin(), one.end()));
}

TEST_CASE("no wake is lost, and many cost few turns", "[event_loop]") {
  std::atomic<int> asked = 0, seen = 0;
  recording phases;
  running_loop running;
  phases.on_decide = [&] { seen = asked.load(); };
  running.loop.attach(phases);
  running.start();
  for (int i = 1; i <= 5000; ++i) {
    asked = i;
    running.loop.wake();
    if (i % 100 == 0)
      REQUIRE(eventually(1s, [&] { return seen == i; }));
  }
  CHECK(phases.turns <= 5100);
  CHECK(phases.turns == phases.sends);
}

TEST_CASE("the loop turns on while its phases want another, or wake it from within", "[event_loop]") {
  int woken = 0;
  std::atomic<bool> through = false;
  recording phases;
  running_loop running;
  phases.more = 10;
  phases.on_decide = [&] {
    if (phases.more > 0 && --phases.more > 0)
      return;
    if (woken < 10) {
      ++woken;
      running.loop.wake();
    } else
      through = true;
  };
  running.loop.attach(phases);
  running.start();
  CHECK(eventually(500ms, [&] { return through.load(); }));
  CHECK(woken == 10);
}

TEST_CASE("a loop shows its turns, and how long what is ready waits for it", "[event_loop]") {
  std::atomic<bool> slow = false;
  recording phases;
  running_loop running;
  phases.on_decide = [&] {
    if (slow.exchange(false))
      std::this_thread::sleep_for(300ms);
  };
  running.loop.attach(phases);
  running.start();
  const auto turns = running.loop.turns();
  slow = true;
  running.loop.wake();
  // While it lasts, too.
  CHECK(eventually(2s, [&] { return running.loop.lag() >= 100ms; }));
  CHECK(eventually(2s, [&] { return running.loop.turns() > turns; }));
  CHECK(running.loop.lag() >= 300ms);
  // Forgotten after a while, though it only ticks.
  CHECK(eventually(10s, [&] { return running.loop.lag() < 300ms; }));
}

TEST_CASE("an idle loop uses nearly no processor, and ticks", "[event_loop]") {
  recording phases;
  test_server server{{}, &phases};
  std::this_thread::sleep_for(1200ms);
  CHECK(phases.turns <= 5);
  CHECK(phases.ticks >= 1);
  // With a client it ticks ten times a second, and does nothing else. How long this thread slept is the
  // machine's affair; what a turn costs under a sanitizer, too.
  ws_client client{server.port()};
  const auto ticks = phases.ticks.load();
  const auto turns = phases.turns.load();
  const auto used = cpu_of(server.thread);
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(eventually(10s, [&] { return phases.ticks - ticks >= 10; }));
  const auto tenths = (std::chrono::steady_clock::now() - begin) / 100ms;
  CHECK(phases.ticks - ticks <= tenths + 2);
  CHECK(phases.turns - turns <= tenths + 5);
  CHECK(cpu_of(server.thread) - used < 0.02 * static_cast<double>(tenths + 1));
}

TEST_CASE("a taken port and a bad address are refused with a sentence", "[listener]") {
  test_server server;
  broker::system_clock clock;
  transport::event_loop loop{0, clock};
  auto opened = [&](const std::string& address, std::uint16_t port, bool reuse = false) {
    transport::listener_options options;
    options.address = address;
    options.port = port;
    options.reuse_port = options.refuse_shared = reuse;
    transport::listener listener{loop, options, nullptr, nullptr};
    auto result = listener.open();
    return result ? std::string{} : result.error().message;
  };
  CHECK(opened("127.0.0.1", server.port()) ==
        "127.0.0.1 port " + std::to_string(server.port()) + " is in use by another program");
  CHECK(opened("no.such.name", 0) == "\"no.such.name\" is not an address to listen on");
  CHECK(opened("192.0.2.1", 0) == "this machine has no address 192.0.2.1");
  CHECK(opened("localhost", 0).empty());
  CHECK(opened("::1", 0).empty());
}

TEST_CASE("who has connected when the door closes is served", "[listener]") {
  test_server server;
  std::promise<void> entered, go_on;
  server.loop.post([&] {
    entered.set_value();
    go_on.get_future().get();
  });
  entered.get_future().get();
  // More than are accepted in one turn.
  constexpr auto many = 300;
  std::vector<raw_client> waiting;
  for (auto i = 0; i < many; ++i)
    waiting.emplace_back("127.0.0.1", server.port());
  server.listener.close();
  go_on.set_value();
  for (auto& c : waiting) {
    CHECK(c.send_raw("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    CHECK(c.receive_until("HTTP/1.1 ", 5s));
  }
  CHECK(server.listener.counters().accepted == many);
  CHECK_THROWS(raw_client("127.0.0.1", server.port()));
}

TEST_CASE("several loops share a port, another group is refused", "[listener]") {
  transport::listener_options options;
  options.reuse_port = true;
  options.refuse_shared = true;
  test_server first{options};
  options.port = first.port();
  options.refuse_shared = false;
  test_server second{options};
  CHECK(second.port() == first.port());
  options.refuse_shared = true;
  CHECK_THROWS_WITH(test_server{options}, Catch::Contains("in use"));
  std::vector<ws_client> clients;
  for (int i = 0; i < 64; ++i)
    clients.emplace_back(first.port());
  CHECK(eventually(2s, [&] { return first.opened + second.opened == 64; }));
  CHECK(first.opened > 0);
  CHECK(second.opened > 0);
}

TEST_CASE("accepted sockets have the options that were asked for", "[listener]") {
  transport::listener_options options;
  options.send_buffer_bytes = 8192;
  options.user_timeout = 71s;
  test_server server{options};
  ws_client client{server.port()};
  REQUIRE(server.client());
  // The server's end is the descriptor whose peer is the client's address.
  sockaddr_in mine{};
  socklen_t size = sizeof mine;
  ::getsockname(client.socket().descriptor(), reinterpret_cast<sockaddr*>(&mine), &size);
  bool found = false;
  for (int d = 3; d < 200 && !found; ++d) {
    sockaddr_in peer{};
    size = sizeof peer;
    if (::getpeername(d, reinterpret_cast<sockaddr*>(&peer), &size) != 0 || peer.sin_port != mine.sin_port)
      continue;
    found = true;
    auto value = [&](int level, int name) {
      int v = 0;
      socklen_t n = sizeof v;
      ::getsockopt(d, level, name, &v, &n);
      return v;
    };
    CHECK(value(IPPROTO_TCP, 1 /* TCP_NODELAY */) == 1);
    CHECK(value(IPPROTO_TCP, 18 /* TCP_USER_TIMEOUT */) == 71'000);
    CHECK(value(SOL_SOCKET, SO_SNDBUF) == 16'384); // the kernel doubles it
  }
  CHECK(found);
}

TEST_CASE("without descriptors the loop waits instead of spinning, then goes on", "[listener]") {
  test_server server;
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const int mine = ::socket(AF_INET, SOCK_STREAM, 0);
  const int next = ::dup(mine);
  ::close(next);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(next);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(server.port());
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto connected = ::connect(mine, reinterpret_cast<sockaddr*>(&to), sizeof to);
  const auto refused = eventually(3s, [&] { return server.listener.counters().accept_errors > 0; });
  const auto used = cpu_of(server.thread);
  std::this_thread::sleep_for(500ms);
  const auto spun = cpu_of(server.thread) - used;
  const auto errors = server.listener.counters().accept_errors.load();
  ::setrlimit(RLIMIT_NOFILE, &before);
  CHECK(connected == 0);
  CHECK(refused);
  CHECK(spun < 0.15);
  CHECK(errors <= 8);
  CHECK(eventually(3s, [&] { return server.listener.counters().accepted == 1; }));
  ::close(mine);
}
