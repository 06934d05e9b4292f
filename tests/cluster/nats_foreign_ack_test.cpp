#include "cluster/jetstream_api.hpp"
#include "cluster/nats_link.hpp"
#include "tests/cluster/lossy_proxy.hpp"
#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

/// Somebody who listens to rooms' subjects answers what is published there.
namespace hubbub::test {
namespace {

using broker::errc;
using cluster::js::is_ack_of;

/// Answers each message of the rooms at once, with whatever it is told.
class eager_answerer {
public:
  eager_answerer(const std::string& url, texts answers) {
    cluster::nats_options options;
    options.servers = {url};
    auto made = cluster::nats_link::open(options, log_);
    if (!made)
      throw std::runtime_error{made.error().message};
    link_ = std::move(*made);
    link_->observe({});
    listening_ = link_->subscribe("hubbub.rooms.>", [this, answers](const cluster::nats_message& m) {
      for (const auto& one : answers)
        static_cast<void>(link_->send(std::string{m.reply}, {}, one));
    });
  }

private:
  recording_log log_;
  std::unique_ptr<cluster::nats_link> link_;
  cluster::nats_link::subscription listening_;
};

TEST_CASE("only the stream itself confirms what is published to it", "[nats]") {
  nats_server server;
  lossy_proxy proxy{server.port()};
  nats_node node;
  node.options.servers = {proxy.url()};
  node.options.timeout = 20s;
  node.open();
  room_double chat{*node.bus, "chat.1"};
  chat.seen().ready();
  const texts foreign{R"({"seq":1000})", R"({"stream":"OTHER","seq":1000})", R"({"error":"no"})", "", "ok"};
  const eager_answerer somebody{server.url(), foreign};
  nats_wire wire{server.port()};
  REQUIRE(
      eventually([&] { return wire.request("hubbub.rooms.chat.0", "1").find("1000") != std::string::npos; }));

  proxy.hold("_INBOX.", R"({"stream":"HUBBUB_chat", )");
  const auto token = chat.send(chat.event("2"));
  REQUIRE(eventually([&] { return proxy.holds(); }));
  REQUIRE(eventually([&] { return node.bus->figures().foreign == foreign.size(); }));
  CHECK(chat.seen().answers().empty());
  CHECK(node.log.says("somebody else than its stream answers"));
  proxy.let_go();
  const auto p = chat.seen().answer_of(token);
  REQUIRE(p.stored);
  CHECK(p.what.position.offset < 1000);
  CHECK(data_of(read(*node.bus, after("chat.1", 0)).events) == texts{"2"});
}

TEST_CASE("what the stream itself refuses is refused", "[nats]") {
  nats_server server;
  auto every = often();
  every.canary = 1h; // what is changed is not put right meanwhile
  nats_node node{server.url(), {}, every};
  room_double chat{*node.bus, "chat.1"};
  chat.seen().ready();
  nats_wire wire{server.port()};
  const auto said = wire.request(
      "$JS.API.STREAM.UPDATE.HUBBUB_chat",
      R"({"name":"HUBBUB_chat","subjects":["hubbub.rooms.chat.>"],"max_msg_size":500,"storage":"file",)"
      R"("republish":{"src":"hubbub.rooms.chat.>","dest":"hubbub.out.chat.>"}})");
  REQUIRE(said.find("\"error\"") == std::string::npos);
  const auto p = chat.publish(chat.event('"' + std::string(1000, 'x') + '"'));
  REQUIRE_FALSE(p.stored);
  CHECK(p.refused.why.code == errc::too_large);
  CHECK(p.refused.outcome == broker::publish_outcome::not_stored);
}

TEST_CASE("an answer to a publish names its stream", "[nats_parts]") {
  CHECK(is_ack_of("S", R"({"stream":"S", "seq":5})"));
  CHECK(is_ack_of("S", R"({"stream":"S","seq":5,"duplicate":true})"));
  CHECK(is_ack_of(
      "S", R"({"error":{"code":400,"err_code":10054,"description":"too large"},"stream":"S","seq":0})"));
  CHECK(is_ack_of("S", R"({"error":{"code":503,"err_code":10008,"description":"no leader"},"seq":0})"));
  for (const auto* foreign : {"", "x", "1", "[]", "{}", R"({"seq":5})", R"({"stream":"T","seq":5})",
                              R"({"stream":"T","error":{"code":400,"err_code":10054}})", R"({"error":"S"})",
                              R"({"error":{"code":400}})", R"({"stream":1,"seq":5})"})
    CHECK_FALSE(is_ack_of("S", foreign));
}

} // namespace
} // namespace hubbub::test
