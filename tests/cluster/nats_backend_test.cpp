#include "cluster/nats_backend.hpp"
#include "cluster/nats_link.hpp"
#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <future>
#include <mutex>

/// Backends on a real server: what they are asked, what they answer, and what happens when they do not.
namespace hubbub::test {
namespace {

using broker::errc;
using broker::publish_outcome;
using cluster::request_outcome;
using nlohmann::json;

/// A backend: answers with a function, from a connection of its own.
class service {
public:
  using answer = std::pair<cluster::nats_link::headers, std::string>;
  using function = std::function<std::optional<answer>(const cluster::nats_message&)>;

  service(const nats_server& server, const std::string& subject, function answers)
      : answers_{std::move(answers)} {
    cluster::nats_options o;
    o.servers = {server.url()};
    o.node = "backend";
    auto made = cluster::nats_link::open(o, log_);
    if (!made)
      throw std::runtime_error{made.error().message};
    link_ = std::move(*made);
    link_->observe({});
    subscription_ = link_->subscribe(subject, [this](const cluster::nats_message& m) { take(m); });
    // The server knows of it once it has answered what was said after it.
    std::promise<void> known;
    link_->request("nobody.listens", {}, {}, [&](auto, const auto&) { known.set_value(); });
    known.get_future().wait();
  }
  ~service() { link_->close(); }
  service(const service&) = delete;
  service& operator=(const service&) = delete;

  struct asked {
    std::string subject, data;
    std::map<std::string, std::string> headers;
  };
  [[nodiscard]] std::vector<asked> all() {
    std::lock_guard lock{mutex_};
    return all_;
  }
  /// Waits until so many have come.
  [[nodiscard]] std::vector<asked> until(std::size_t n) {
    CHECK(within(5s, [&] { return all().size() >= n; }));
    return all();
  }

private:
  void take(const cluster::nats_message& m) {
    asked one{std::string{m.subject}, std::string{m.data}, {}};
    m.headers.each([&](auto name, auto value) { one.headers.emplace(name, value); });
    {
      std::lock_guard lock{mutex_};
      all_.push_back(std::move(one));
    }
    if (const auto said = answers_(m))
      link_->send(std::string{m.reply}, said->first, said->second);
  }
  function answers_;
  broker::null_log log_;
  std::mutex mutex_;
  std::vector<asked> all_;
  std::unique_ptr<cluster::nats_link> link_;
  cluster::nats_link::subscription subscription_;
};

service::answer says(std::string data) { return {{}, std::move(data)}; }
service::answer refuses(std::string why) { return {{{"Hubbub-Error", std::move(why)}}, {}}; }

/// A node's way to backends.
struct backend_node {
  explicit backend_node(const std::string& url,
                        const std::function<void(cluster::backend_options&)>& how = {}) {
    cluster::nats_options o;
    o.servers = {url};
    o.node = "n1";
    o.timeout = 500ms;
    cluster::backend_options b;
    b.notices.fill(true);
    b.answer_bytes = 1000;
    if (how)
      how(b);
    auto opened = cluster::nats_backend::open(o, b, spaces, time, log);
    if (!opened)
      throw std::runtime_error{opened.error().message};
    made = std::move(*opened);
  }

  std::future<broker::backend_answer> ask_call(const std::string& method, std::string data = "1") {
    auto p = std::make_shared<std::promise<broker::backend_answer>>();
    made->call({*broker::method_name::parse(method), std::move(data), {0xabcdef}, "ann"},
               [p](broker::backend_answer a) { p->set_value(std::move(a)); });
    return p->get_future();
  }
  broker::backend_answer call(const std::string& method, std::string data = "1") {
    return answer_of(ask_call(method, std::move(data)));
  }
  std::future<broker::backend_answer> ask_publish(const std::string& room) {
    broker::event e;
    e.room = *broker::room_name::parse(room);
    e.type = "order";
    e.data = R"({"n":1})";
    e.event_id = "ann 1";
    e.from = "ann\r\nPUB x";
    e.key = "k";
    e.time_ms = 1'700'000'000'000;
    auto p = std::make_shared<std::promise<broker::backend_answer>>();
    made->publish(std::move(e), {0xabcdef}, [p](broker::backend_answer a) { p->set_value(std::move(a)); });
    return p->get_future();
  }
  broker::backend_answer publish(const std::string& room) { return answer_of(ask_publish(room)); }
  static broker::backend_answer answer_of(std::future<broker::backend_answer> f) {
    if (f.wait_for(10s) != std::future_status::ready)
      throw std::runtime_error{"no answer came"};
    return f.get();
  }
  [[nodiscard]] std::uint64_t calls(request_outcome o) const {
    return made->counters().calls[static_cast<std::size_t>(o)];
  }
  void tell(broker::notice_kind what) {
    broker::notice n;
    n.what = what;
    n.session = {0xabcdef};
    n.user = "a\"nn";
    n.room = *broker::room_name::parse("chat.1");
    n.code = "forbidden";
    n.message = "no grant";
    made->notices().put(std::move(n));
  }

  broker::namespaces spaces{{}, {{"chat", {}}}};
  broker::system_clock time;
  recording_log log;
  std::unique_ptr<cluster::nats_backend> made;
};

TEST_CASE("a backend is asked with the event as a node would publish it", "[nats]") {
  nats_server server;
  service orders{server, "hubbub.up.>", [](const auto&) { return says("not read"); }};
  backend_node node{server.url()};
  const auto a = node.publish("chat.1");
  CHECK(a.why.code == errc::ok);
  const auto asked = orders.until(1).front();
  CHECK(asked.subject == "hubbub.up.chat.1");
  CHECK(asked.data == R"({"n":1})");
  auto h = asked.headers;
  CHECK(h["Hubbub-Id"] == "ann 1");
  CHECK(h["Hubbub-Type"] == "order");
  CHECK(h["Hubbub-Key"] == "k");
  CHECK(h["Hubbub-From"] == "ann%0D%0APUB x");
  CHECK(h["Hubbub-Time"] == "1700000000000");
  CHECK(h["Hubbub-Session"] == "0000000000abcdef");
  CHECK(h["Nats-Msg-Id"].size() == 32);
  CHECK(node.made->counters().publishes[0] == 1);
}

TEST_CASE("a backend refuses events and calls", "[nats]") {
  nats_server server;
  service up{server, "hubbub.up.chat.*", [](const auto&) { return refuses("out_of_stock none left"); }};
  service calls{server, "hubbub.call.>", [](const auto&) { return refuses("invalid_data n is missing"); }};
  backend_node node{server.url()};
  const auto event = node.publish("chat.1");
  CHECK(event.code == "out_of_stock");
  CHECK(event.why.message == "none left");
  CHECK(event.outcome == publish_outcome::not_stored);
  const auto call = node.call("orders.create");
  CHECK(call.code == "invalid_data");
  CHECK(node.calls(request_outcome::refused) == 1);
}

TEST_CASE("a call goes to its method's subject, with who calls", "[nats]") {
  nats_server server;
  service calls{server, "hubbub.call.orders.*", [](const cluster::nats_message& m) {
                  return says("{\n\"had\":" + std::string{m.data} + "}");
                }};
  backend_node node{server.url()};
  const auto a = node.call("orders.create", R"({"sku":"x"})");
  CHECK(a.why.code == errc::ok);
  CHECK(a.data == R"({"had":{"sku":"x"}})");
  auto asked = calls.until(1).front();
  CHECK(asked.subject == "hubbub.call.orders.create");
  CHECK(asked.headers["Hubbub-From"] == "ann");
  CHECK(asked.headers["Hubbub-Session"] == "0000000000abcdef");
}

TEST_CASE("an answer of any bytes and of any size is told as it is", "[nats]") {
  nats_server server;
  service calls{
      server, "hubbub.call.>", [](const cluster::nats_message& m) {
        return says(m.subject == "hubbub.call.a.bytes" ? std::string{"\xff\0\n", 3} : std::string(2000, '7'));
      }};
  backend_node node{server.url()};
  const auto bytes = node.call("a.bytes");
  CHECK(bytes.data == "/wAK");
  CHECK(bytes.encoding == broker::data_encoding::base64);
  CHECK(node.call("a.large").why.code == errc::too_large);
  CHECK(node.calls(request_outcome::bad_answer) == 1);
}

TEST_CASE("where nobody listens a client is told at once, and nothing is in doubt", "[nats]") {
  nats_server server;
  backend_node node{server.url()};
  const auto event = node.publish("chat.1");
  CHECK(event.why.code == errc::unavailable);
  CHECK(event.outcome == publish_outcome::not_stored);
  const auto call = node.call("orders.create");
  CHECK(call.why.code == errc::no_such_method);
  CHECK(call.why.message.find("orders.create") != std::string::npos);
  CHECK(node.calls(request_outcome::nobody) == 1);
  CHECK(node.calls(request_outcome::timeout) == 0);
}

TEST_CASE("a backend that does not answer in time leaves the outcome unknown", "[nats]") {
  nats_server server;
  service silent{server, "hubbub.*.>", [](const auto&) { return std::nullopt; }};
  backend_node node{server.url()};
  auto first = node.ask_call("orders.create");
  auto event = node.publish("chat.1");
  CHECK(event.why.code == errc::timeout);
  CHECK(event.outcome == publish_outcome::unknown);
  event = {};
  CHECK(backend_node::answer_of(std::move(first)).why.code == errc::timeout);
  CHECK(node.calls(request_outcome::timeout) == 1);
  CHECK(node.made->counters().places == 0);
}

TEST_CASE("when NATS goes while a backend is asked, the client is told at once", "[nats]") {
  nats_server server;
  service silent{server, "hubbub.*.>", [](const auto&) { return std::nullopt; }};
  backend_node node{server.url()};
  auto call = node.ask_call("orders.create");
  auto event = node.ask_publish("chat.1");
  std::ignore = silent.until(2);
  server.kill();
  for (auto* waits : {&call, &event}) {
    const auto a = backend_node::answer_of(std::move(*waits));
    CHECK(a.why.code == errc::unavailable);
    CHECK(a.outcome == publish_outcome::unknown);
  }
  CHECK(node.calls(request_outcome::lost) == 1);
  // From then on it never leaves, until NATS is there again.
  const auto away = node.publish("chat.1");
  CHECK(away.why.code == errc::unavailable);
  CHECK(away.outcome == publish_outcome::not_stored);
  server.start();
  service again{server, "hubbub.call.a.b", [](const auto&) { return says("1"); }};
  CHECK(within(10s, [&] { return node.call("a.b").why.code == errc::ok; }));
}

TEST_CASE("a node has so many requests at a time, and no more", "[nats]") {
  nats_server server;
  service silent{server, "hubbub.call.>", [](const auto&) { return std::nullopt; }};
  backend_node node{server.url(), [](auto& how) { how.requests = 2; }};
  auto one = node.ask_call("a.b"), two = node.ask_call("a.b");
  const auto third = node.call("a.b");
  CHECK(third.why.code == errc::overloaded);
  CHECK(third.why.retry_after_ms > 0);
  CHECK(third.outcome == publish_outcome::not_stored);
  CHECK(node.calls(request_outcome::overloaded) == 1);
  auto kept = backend_node::answer_of(std::move(one));
  std::ignore = backend_node::answer_of(std::move(two));
  CHECK(node.made->counters().places == 1); // an answer that its client has not taken
  kept = {};
  CHECK(node.made->counters().places == 0);
  CHECK(node.call("nobody.here").why.code == errc::timeout); // asked, not refused
}

TEST_CASE("a namespace that is not declared has no backend", "[nats]") {
  nats_server server;
  service up{server, "hubbub.up.>", [](const auto&) { return says(""); }};
  backend_node node{server.url()};
  const auto a = node.publish("news.1");
  CHECK(a.why.code == errc::bad_room);
  CHECK(a.why.message.find("news") != std::string::npos);
  CHECK(up.all().empty());
}

TEST_CASE("whoever waits is answered when the node ends", "[nats]") {
  nats_server server;
  service silent{server, "hubbub.call.>", [](const auto&) { return std::nullopt; }};
  auto node = std::make_unique<backend_node>(server.url());
  auto waits = node->ask_call("a.b");
  std::ignore = silent.until(1);
  node.reset();
  CHECK(backend_node::answer_of(std::move(waits)).why.code == errc::unavailable);
}

TEST_CASE("backends are told what happens, as JSON", "[nats]") {
  using kind = broker::notice_kind;
  nats_server server;
  service listens{server, "hubbub.notify.*", [](const auto&) { return std::nullopt; }};
  backend_node node{server.url(),
                    [](auto& how) { how.notices[static_cast<std::size_t>(kind::vacated)] = false; }};
  CHECK_FALSE(node.made->notices().wants(kind::vacated));
  for (const auto k : {kind::connected, kind::vacated, kind::disconnected, kind::occupied, kind::refused})
    node.tell(k);
  const auto all = listens.until(4);
  REQUIRE(all.size() == 4);
  CHECK(all[0].subject == "hubbub.notify.connected");
  const auto first = json::parse(all[0].data);
  CHECK(first["node"] == "n1");
  CHECK(first["session"] == "0000000000abcdef");
  CHECK(first["user"] == "a\"nn");
  CHECK(first["time"] > 1'700'000'000'000);
  CHECK(first.size() == 4);
  CHECK(all[1].subject == "hubbub.notify.disconnected");
  CHECK(all[2].subject == "hubbub.notify.occupied");
  const auto room = json::parse(all[2].data);
  CHECK(room["room"] == "chat.1");
  CHECK(room.size() == 3);
  CHECK(all[3].subject == "hubbub.notify.refused");
  const auto no = json::parse(all[3].data);
  CHECK(no["code"] == "forbidden");
  CHECK(no["message"] == "no grant");
  CHECK(no.size() == 6);
  CHECK(node.made->notices_sent() == 4);
  CHECK(node.made->notices_dropped() == 0);
}

TEST_CASE("a storm of notices is cut short and counted, and calls go on", "[nats]") {
  nats_server server;
  backend_node node{server.url()};
  server.stop_for_now(); // it takes what the kernel's buffers hold
  constexpr std::uint64_t many = 200'000;
  for (std::uint64_t i = 0; i < many; ++i)
    node.tell(broker::notice_kind::refused);
  server.go_on();
  CHECK(within(5s, [&] { return node.made->notices_sent() + node.made->notices_dropped() == many; }));
  CHECK(node.made->notices_dropped() > 0);
  CHECK(within(10s, [&] { return node.call("nobody.here").why.code == errc::no_such_method; }));
}

TEST_CASE("without a connection notices are dropped and counted", "[nats]") {
  nats_server server;
  backend_node node{server.url()};
  server.kill();
  CHECK(within(5s, [&] {
    node.tell(broker::notice_kind::connected);
    return node.made->notices_dropped() > 0;
  }));
}

TEST_CASE("the last notices of a node that ends are sent", "[nats]") {
  nats_server server;
  service listens{server, "hubbub.notify.*", [](const auto&) { return std::nullopt; }};
  {
    backend_node node{server.url()};
    for (auto i = 0; i < 1000; ++i)
      node.tell(broker::notice_kind::disconnected);
  }
  CHECK(listens.until(1000).size() == 1000);
}

} // namespace
} // namespace hubbub::test
