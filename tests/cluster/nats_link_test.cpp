#include "cluster/nats_link.hpp"
#include "tests/cluster/lossy_proxy.hpp"
#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <future>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

/// One connection to NATS, and its end.
namespace hubbub::test {
namespace {

std::unique_ptr<cluster::nats_link> open_link(const cluster::nats_options& o, recording_log& log,
                                              cluster::nats_link::observer watch = {}) {
  auto made = cluster::nats_link::open(o, log);
  if (!made)
    throw std::runtime_error{made.error().message};
  (*made)->observe(std::move(watch));
  return std::move(*made);
}

std::unique_ptr<cluster::nats_link> open_link(const nats_server& server, recording_log& log) {
  cluster::nats_options o;
  o.servers = {server.url()};
  o.node = "n1";
  o.timeout = 1s;
  return open_link(o, log);
}

/// Takes connections, and never says a word.
class silent_server {
public:
  explicit silent_server(std::uint16_t port) : listening_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    const int yes = 1;
    ::setsockopt(listening_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listening_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
        ::listen(listening_, 16) != 0)
      throw std::runtime_error{"no port for a silent server"};
  }
  ~silent_server() { end(); }
  silent_server(const silent_server&) = delete;
  silent_server& operator=(const silent_server&) = delete;

  /// Waits until somebody comes, and lets them wait.
  bool somebody_came() {
    pollfd ready{listening_, POLLIN, 0};
    if (::poll(&ready, 1, 10'000) <= 0)
      return false;
    guests_.push_back(::accept(listening_, nullptr, nullptr));
    return true;
  }
  void end() {
    guests_.push_back(std::exchange(listening_, -1));
    for (const int s : std::exchange(guests_, {}))
      ::close(s);
  }

private:
  int listening_;
  std::vector<int> guests_;
};

/// Lets in who knows the password, which is `secret` at first.
class strict_server {
public:
  cluster::nats_options options() const {
    cluster::nats_options o;
    o.servers = {"nats://ann:secret@127.0.0.1:" + std::to_string(server_.port())};
    o.timeout = 1s;
    return o;
  }
  /// Whoever is connected has to come again.
  void change_password(const std::string& to) {
    server_.kill();
    server_.configure("authorization { user: ann, password: " + to + " }");
    server_.start();
  }

private:
  nats_server server_{"authorization { user: ann, password: secret }"};
};

/// Waits until the server has had all that was said before.
void settle(cluster::nats_link& link) {
  auto known = std::make_shared<std::promise<void>>();
  auto answered = known->get_future();
  link.request("nobody.listens", {}, {}, [known](auto, const auto&) { known->set_value(); });
  REQUIRE(answered.wait_for(5s) == std::future_status::ready);
}

TEST_CASE("what was given to a link has left when it has closed", "[nats][link]") {
  constexpr auto many = 2'000;
  nats_server server;
  recording_log log;
  const auto listener = open_link(server, log);
  std::atomic<int> heard = 0;
  const auto subscription = listener->subscribe("told.>", [&](const cluster::nats_message&) { ++heard; });
  settle(*listener);

  for (auto times = 1; times <= 5; ++times) {
    const auto link = open_link(server, log);
    for (auto i = 0; i < many; ++i)
      REQUIRE(link->send("told.all", {}, std::string(500, 'x')));
    link->close();
    CHECK(within(5s, [&] { return heard == times * many; }));
  }
  CHECK_FALSE(log.has_said("lost"));
}

TEST_CASE("what has come to a link is handled before it closes", "[nats][link]") {
  nats_server server;
  recording_log log;
  const auto link = open_link(server, log);
  std::promise<void> first, go_on;
  std::atomic<int> heard = 0;
  const auto subscription = link->subscribe("told.>", [&](const cluster::nats_message&) {
    if (++heard == 1) {
      first.set_value();
      go_on.get_future().wait();
    }
  });
  settle(*link);
  nats_wire wire{server.port()};
  for (auto i = 0; i < 100; ++i)
    wire.publish("told.all", "x");
  wire.publish_now("told.all", "x");
  first.get_future().wait();
  auto closed = std::async(std::launch::async, [&] { link->close(); });
  go_on.set_value();
  closed.get();
  CHECK(heard == 101);
}

TEST_CASE("a link whose server does not answer closes all the same", "[nats][link]") {
  nats_server server;
  recording_log log;
  const auto link = open_link(server, log);
  settle(*link);
  server.stop_for_now();
  int left = 0;
  for (auto i = 0; i < 10; ++i)
    link->request("told.all", {}, "x", [&](cluster::nats_link::fate f, const auto&) {
      CHECK(f != cluster::nats_link::fate::answered);
      ++left;
    });
  link->close();
  CHECK(left == 10);
  server.go_on();
}

TEST_CASE("what is asked of a link that every server refuses does not pile up", "[nats][link]") {
  strict_server server;
  recording_log log;
  const auto link = open_link(server.options(), log);
  settle(*link);
  server.change_password("other");
  REQUIRE(log.says("does not accept these credentials"));
  // Rooms come and go all the same.
  std::atomic<int> heard = 0;
  const auto hear = [&heard](const cluster::nats_message&) { ++heard; };
  for (auto i = 0; i < 100; ++i)
    std::ignore = link->subscribe("told.some", hear);
  const auto subscription = link->subscribe("told.all", hear);
  std::atomic<int> done = 0;
  for (auto i = 0; i < 100; ++i)
    CHECK(link->post([&done] { ++done; }));
  CHECK(eventually([&] { return done == 100; }));
  CHECK_FALSE(link->is_connected());
  server.change_password("secret");
  REQUIRE(eventually([&] { return link->is_connected(); }));
  CHECK(eventually([&] {
    link->send("told.all", {}, "x");
    return heard > 0;
  }));
}

TEST_CASE("a link that connects anew hears what is still asked of it, and nothing else", "[nats][link]") {
  strict_server server;
  recording_log log;
  const auto link = open_link(server.options(), log);
  std::array<std::atomic<int>, 5> heard{};
  std::vector<cluster::nats_link::subscription> all;
  for (auto& one : heard)
    all.push_back(link->subscribe("told." + std::to_string(all.size()), [&one](const auto&) { ++one; }));
  settle(*link);
  // The first one's place is taken by the last one, which then ends, too.
  all[0].reset();
  all[4].reset();
  // The library is done with this connection for good: the link has to know whom it hears for.
  server.change_password("other");
  REQUIRE(log.says("does not accept these credentials"));
  server.change_password("secret");
  REQUIRE(eventually([&] { return link->is_connected(); }));
  CHECK(eventually([&] {
    for (std::size_t i = 0; i < heard.size(); ++i)
      link->send("told." + std::to_string(i), {}, "x");
    return heard[1] > 0 && heard[2] > 0 && heard[3] > 0;
  }));
  settle(*link);
  CHECK(heard[0] == 0);
  CHECK(heard[4] == 0);
}

TEST_CASE("a link goes on sending while it looks for another server", "[nats][link]") {
  nats_server duck;
  const auto port = free_port();
  recording_log log;
  cluster::nats_options o;
  o.servers = {duck.url(), "nats://127.0.0.1:" + std::to_string(port)};
  o.timeout = 60s; // that is how long it would wait for the other one
  o.every.lame_duck = 0ms;
  const auto link = open_link(o, log);
  settle(*link);
  silent_server other{port};
  duck.signal(SIGUSR2);
  REQUIRE(other.somebody_came());
  std::atomic<bool> done = false;
  CHECK(link->post([&done] { done = true; }));
  CHECK(within(10s, [&] { return done.load(); }));
  other.end();
  CHECK(log.says("no other server is there yet"));
  CHECK(o.links->moves == 0);
}

TEST_CASE("nobody who uses a link waits for the server that it tries", "[nats][link]") {
  nats_server server;
  lossy_proxy proxy{server.port()};
  recording_log log;
  cluster::nats_options o;
  o.servers = {proxy.url()};
  o.timeout = 5s;
  std::promise<void> go_on;
  auto may_go_on = go_on.get_future().share();
  std::atomic<int> lost = 0, back = 0;
  cluster::nats_link::observer watch;
  // Behind it wait the library's other words.
  watch.lost = [&] {
    if (++lost == 1)
      may_go_on.wait();
  };
  watch.back = [&] { ++back; };
  const auto link = open_link(o, log, std::move(watch));
  settle(*link);
  proxy.cut();
  REQUIRE(eventually([&] { return lost == 1; }));
  proxy.heal();
  REQUIRE(eventually([&] { return proxy.greeted() == 2; }));
  // It is back, and nobody was told yet; and now it is away again, and tries a server that does not answer.
  server.stop_for_now();
  proxy.cut();
  proxy.heal();
  REQUIRE(eventually([&] { return proxy.accepted() == 3; }));
  go_on.set_value();
  auto asked = std::async(std::launch::async, [&] {
    for (auto i = 0; i < 20; ++i) {
      std::ignore = link->server();
      link->send("told.all", {}, "x");
      std::this_thread::sleep_for(20ms);
    }
  });
  CHECK(asked.wait_for(3s) == std::future_status::ready);
  server.go_on();
  asked.get();
  CHECK(eventually([&] { return link->is_connected() && back > 0; }));
}

} // namespace
} // namespace hubbub::test
