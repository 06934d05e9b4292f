#include "broker/daemon/publish_deadlines.hpp"
#include "broker/daemon/publish_request.hpp"
#include "tests/daemon/admin_fixture.hpp"

using namespace hubbub;
using namespace hubbub::tests;

TEST_CASE_METHOD(admin_fixture, "an event published by HTTP reaches the room's readers", "[admin]") {
  auto& ann = connect();
  ann.ask({{"op", "join"}, {"room", "chat.a"}});
  const auto a = publish("chat.a", "hello");
  CHECK(a.status == 200);
  CHECK(a.whole.content_type == "application/json");
  CHECK(a.body["offset"] == 1);
  CHECK(a.body["duplicate"] == false);
  CHECK_FALSE(a.body["epoch"].get<std::string>().empty());
  CHECK_FALSE(a.body["event_id"].get<std::string>().empty());
  const auto came = ann.read();
  REQUIRE(came.size() == 1);
  CHECK(came[0]["data"] == "hello");
  CHECK(came[0]["type"] == "message");
  CHECK(came[0]["offset"] == 1);
  CHECK_FALSE(came[0].contains("from"));
}

TEST_CASE_METHOD(admin_fixture, "an event that was published before is a duplicate", "[admin]") {
  const json event{{"room", "chat.a"}, {"type", "t"}, {"data", 1}, {"event_id", "e-1"}, {"key", "k"}};
  const auto first = post("/v1/publish", event);
  publish("chat.a", 2);
  const auto again = post("/v1/publish", event);
  CHECK(again.status == 200);
  CHECK(again.body["duplicate"] == true);
  CHECK(again.body["event_id"] == "e-1");
  CHECK(again.body["offset"] == first.body["offset"]);
}

TEST_CASE_METHOD(admin_fixture, "a live room's event is answered with its id alone", "[admin]") {
  const auto a = post("/v1/publish", {{"room", "live.a"}, {"type", "t"}, {"data", 1}, {"event_id", "e"}});
  CHECK(a.status == 200);
  CHECK(a.body == json{{"event_id", "e"}});
}

TEST_CASE_METHOD(admin_fixture, "the backend publishes where clients may not", "[admin]") {
  CHECK(publish("off.a", 1).status == 200);
  CHECK(publish("shut.a", 1).status == 200);
}

TEST_CASE_METHOD(admin_fixture, "of a list each event has its answer, in order", "[admin]") {
  auto& ann = connect();
  ann.ask({{"op", "join"}, {"room", "chat.a"}});
  const auto a = ask(request("POST", "/v1/publish", R"( [
    {"room":"chat.a","type":"t","data":"one","event_id":"1"},
    {"room":"chat","type":"t","data":1},
    {"room":"chat.a","data":1},
    7,
    {"room":"chat.b","type":"t","data":"other","event_id":"2"},
    {"room":"chat.a","type":"t","data":"two","event_id":"3"},
    {"room":"live.a","type":"t","data":null,"event_id":"4"}])"));
  CHECK(a.status == 200);
  REQUIRE(a.body.size() == 7);
  CHECK(a.body[0]["event_id"] == "1");
  CHECK(a.body[0]["offset"] == 1);
  CHECK(a.body[1]["code"] == "bad_room");
  CHECK(a.body[2] == json{{"code", "bad_command"}, {"message", "field `type` is missing"}});
  CHECK(a.body[3]["code"] == "bad_command");
  CHECK(a.body[4]["event_id"] == "2");
  CHECK(a.body[5]["event_id"] == "3");
  CHECK(a.body[5]["offset"] == 2);
  CHECK(a.body[6] == json{{"event_id", "4"}});
  CHECK(ann.events() == std::vector<std::string>{"one", "two"});
}

TEST_CASE_METHOD(admin_fixture, "a list of one is answered with a list of one", "[admin]") {
  const auto a = post("/v1/publish", json::array({{{"room", "chat"}, {"type", "t"}, {"data", 1}}}));
  CHECK(a.status == 200);
  REQUIRE(a.body.is_array());
  CHECK(a.body[0]["code"] == "bad_room");
}

TEST_CASE_METHOD(admin_fixture, "what is wrong with an event is named", "[admin]") {
  struct row {
    std::string body;
    unsigned status;
    std::string code;
    std::string names;
  };
  const std::string large(bounds.payload_bytes, 'x');
  const auto label = std::string(129, 'k');
  for (const auto& r : std::vector<row>{
           {"", 400, "bad_frame", "empty"},
           {"{", 400, "bad_frame", "JSON"},
           {"[]", 400, "bad_frame", "empty"},
           {"7", 400, "bad_frame", "object"},
           {R"({"room":"chat.a","type":"t","data":1} x)", 400, "bad_frame", "JSON"},
           {R"({"room":"chat.a","type":"t","data":tru})", 400, "bad_frame", "JSON"},
           {R"({"type":"t","data":1})", 400, "bad_command", "`room`"},
           {R"({"room":7,"type":"t","data":1})", 400, "bad_command", "`room`"},
           {R"({"room":"chat..a","type":"t","data":1})", 400, "bad_room", "token"},
           {R"({"room":"chat.a","type":"t"})", 400, "bad_command", "`data`"},
           {R"({"room":"chat.a","type":"","data":1})", 400, "bad_command", "`type`"},
           {R"({"room":"chat.a","type":"t","data":1,"key":")" + label + "\"}", 400, "bad_command", "`key`"},
           {R"({"room":"chat.a","type":"t","data":1,"event_id":7})", 400, "bad_command", "`event_id`"},
           {R"({"room":"chat.a","type":"t","data":1,"data":2})", 400, "bad_command", "`data`"},
           {R"({"room":"chat.a","type":"t","data":")" + large + "\"}", 413, "too_large", "`data`"}}) {
    CAPTURE(r.body.substr(0, 80));
    const auto a = ask(request("POST", "/v1/publish", r.body));
    CHECK(a.status == r.status);
    CHECK(a.body["code"] == r.code);
    CAPTURE(a.body["message"]);
    CHECK(a.body["message"].get<std::string>().find(r.names) != std::string::npos);
  }
}

TEST_CASE_METHOD(admin_fixture, "a list holds a thousand events at most", "[admin]") {
  auto list = json::array();
  for (auto i = 0; i < 1000; ++i)
    list.push_back({{"room", "no"}});
  CHECK(post("/v1/publish", list).body.size() == 1000);
  list.push_back({{"room", "no"}});
  const auto a = post("/v1/publish", list);
  CHECK(a.status == 413);
  CHECK(a.body["code"] == "too_large");
}

TEST_CASE_METHOD(admin_fixture, "a room that has too much to do says so, and when to come back", "[admin]") {
  auto list = json::array();
  for (auto i = 0; i < 64; ++i)
    list.push_back({{"room", "chat.a"}, {"type", "t"}, {"data", i}});
  const json one{{"room", "chat.a"}, {"type", "t"}, {"data", 64}, {"event_id", "mine"}};
  std::vector<answer> came;
  send(api, request("POST", "/v1/publish", list.dump()), came);
  send(api, request("POST", "/v1/publish", one.dump()), came);
  REQUIRE(came.size() == 1);
  CHECK(came[0].status == 503);
  CHECK(came[0].header("Retry-After") == "1");
  CHECK(came[0].body["code"] == "overloaded");
  CHECK(came[0].body["retry_after_ms"] > 0);
  CHECK(came[0].body["outcome"] == "not_stored");
  CHECK(came[0].body["event_id"] == "mine");
  settle();
  REQUIRE(came.size() == 2);
  for (const auto& each : came[1].body)
    CHECK(each.contains("offset"));
}

TEST_CASE_METHOD(admin_fixture, "a publish to a room that crashes is told that its outcome is unknown",
                 "[admin]") {
  const auto a = post("/v1/publish", {{"room", "chat.a"}, {"type", "crash"}, {"data", 1}, {"event_id", "e"}});
  CHECK(a.status == 503);
  CHECK(a.body["code"] == "unavailable");
  CHECK(a.body["outcome"] == "unknown");
  CHECK(a.body["event_id"] == "e");
  CHECK(publish("chat.a", 1).status == 200);
}

namespace {

struct given_up {
  std::vector<broker::http_response> came;

  std::shared_ptr<daemon::publish_request> make(std::size_t events, bool single = true) {
    return std::make_shared<daemon::publish_request>(
        single, events, [this](broker::http_response r) { came.push_back(std::move(r)); });
  }
  json body(std::size_t i = 0) { return json::parse(came.at(i).body); }
};

} // namespace

TEST_CASE_METHOD(actor_fixture, "a publish that nobody answers is given up in time", "[admin]") {
  given_up out;
  const auto deadlines =
      std::make_shared<daemon::publish_deadlines>(node->system(), std::chrono::seconds{15});
  auto first = out.make(2, false);
  first->note(0, "kept", false);
  first->note(1, "lost", false);
  deadlines->add(first);
  deadlines->add(out.make(1)); // nobody is left who could answer it
  CHECK(out.came.size() == 1);
  advance(std::chrono::seconds{10});
  auto second = out.make(1);
  deadlines->add(second);
  actors::answer kept{0, broker::stored{{"epoch", 7}, "kept", false}};
  first->answered(kept);
  advance(std::chrono::seconds{4});
  CHECK(out.came.size() == 1);
  advance(std::chrono::seconds{2});
  REQUIRE(out.came.size() == 2);
  CHECK(out.came[1].status == 200);
  CHECK(out.body(1)[0]["offset"] == 7);
  CHECK(out.body(1)[1]["code"] == "unavailable");
  CHECK(out.body(1)[1]["outcome"] == "unknown");
  CHECK(out.body(1)[1]["event_id"] == "lost");
  // What comes later is nobody's.
  actors::answer late{1, broker::stored{{"epoch", 8}, "lost", false}};
  first->answered(late);
  first.reset();
  CHECK(out.came.size() == 2);
  advance(std::chrono::seconds{10});
  REQUIRE(out.came.size() == 3);
  CHECK(out.came[2].status == 503);
  CHECK(out.body(2)["outcome"] == "unknown");
}

TEST_CASE("a publish that was answered is not answered again when it goes", "[admin]") {
  given_up out;
  auto r = out.make(1);
  actors::answer refused{0, broker::publish_refused{{broker::errc::unavailable, "no log", 2100},
                                                    broker::publish_outcome::unknown,
                                                    "e"}};
  r->answered(refused);
  r.reset();
  REQUIRE(out.came.size() == 1);
  CHECK(out.came[0].status == 503);
  CHECK(out.body() == json{{"code", "unavailable"},
                           {"message", "no log"},
                           {"retry_after_ms", 2100},
                           {"event_id", "e"},
                           {"outcome", "unknown"}});
  REQUIRE(out.came[0].headers.size() == 1);
  CHECK(out.came[0].headers[0] == std::pair<std::string, std::string>{"Retry-After", "3"});
}
