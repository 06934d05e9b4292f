#include "tests/daemon/admin_fixture.hpp"

using namespace hubbub;
using namespace hubbub::tests;

TEST_CASE_METHOD(admin_fixture, "the rooms of a node are listed with who is there", "[admin]") {
  connect().ask({{"op", "join"}, {"room", "chat.b"}});
  connect().ask({{"op", "join"}, {"room", "chat.b"}});
  const auto b = publish("chat.b", 1).body["offset"];
  const auto c = publish("chat.c", 1).body["offset"];
  publish("other.a", 1);
  const auto a = get("/v1/rooms?prefix=chat.");
  CHECK(a.status == 200);
  CHECK(a.body["node"] == "n1");
  CHECK(a.body["more"] == false);
  CHECK(a.body["rooms"] ==
        json::array({{{"room", "chat.b"}, {"connections", 2}, {"people", 2}, {"offset", b}},
                     {{"room", "chat.c"}, {"connections", 0}, {"people", 0}, {"offset", c}}}));
  CHECK(get("/v1/rooms").body["rooms"].size() == 3);
}

TEST_CASE_METHOD(admin_fixture, "rooms are listed page by page", "[admin]") {
  for (const auto* room : {"chat.c", "chat.a", "chat.b"})
    publish(room, 1);
  const auto first = get("/v1/rooms?limit=2");
  CHECK(first.body["more"] == true);
  REQUIRE(first.body["rooms"].size() == 2);
  CHECK(first.body["rooms"][1]["room"] == "chat.b");
  const auto rest = get("/v1/rooms?limit=2&after=chat.b");
  CHECK(rest.body["more"] == false);
  REQUIRE(rest.body["rooms"].size() == 1);
  CHECK(rest.body["rooms"][0]["room"] == "chat.c");
  CHECK(get("/v1/rooms?limit=3").body["more"] == false);
}

TEST_CASE_METHOD(admin_fixture, "history by HTTP is what a client's history is", "[admin]") {
  for (auto i = 1; i <= 5; ++i)
    publish("chat.a", i);
  auto& ann = connect();
  const auto compare = [&](const std::string& query, json fields) {
    const auto a = get("/v1/rooms/chat.a/history" + query);
    CHECK(a.status == 200);
    fields["op"] = "history";
    fields["room"] = "chat.a";
    auto wanted = ann.ask(std::move(fields));
    wanted.erase("op");
    wanted.erase("id");
    CHECK(a.body == wanted);
    std::vector<int> data;
    for (const auto& e : a.body["events"])
      data.push_back(e["data"].get<int>());
    return data;
  };
  CHECK(compare("", {{"limit", 100}}) == std::vector<int>{1, 2, 3, 4, 5});
  CHECK(compare("?limit=2", {{"limit", 2}}) == std::vector<int>{4, 5});
  CHECK(compare("?limit=2&after=1", {{"limit", 2}, {"after", 1}}) == std::vector<int>{2, 3});
  CHECK(compare("?limit=2&after=0", {{"limit", 2}, {"after", 0}}) == std::vector<int>{1, 2});
  CHECK(compare("?limit=2&before=4", {{"limit", 2}, {"before", 4}}) == std::vector<int>{2, 3});
  CHECK(get("/v1/rooms/chat%2Ea/history").body["events"].size() == 5);
  CHECK(get("/v1/rooms/chat.never/history").body["events"].empty());
}

TEST_CASE_METHOD(admin_fixture, "history that cannot be read says why", "[admin]") {
  CHECK(get("/v1/rooms/chat/history").status == 400);
  CHECK(get("/v1/rooms/chat/history").body["code"] == "bad_room");
  CHECK(get("/v1/rooms/live.a/history").body["code"] == "not_supported");
  for (const auto* query : {"?limit=0", "?limit=x", "?limit=-1", "?after=x", "?before=1.5",
                            "?before=1&after=2", "?limit=1&limit=2", "?limit=%"}) {
    CAPTURE(query);
    const auto a = get(std::string{"/v1/rooms/chat.a/history"} + query);
    CHECK(a.status == 400);
    CHECK(a.body["code"] == "bad_command");
  }
}

TEST_CASE_METHOD(admin_fixture, "presence by HTTP shows who is in a room", "[admin]") {
  const auto nobody = json::parse(R"({"members":[],"count":0,"more":false})");
  CHECK(get("/v1/rooms/chat.a/presence").body == nobody);
  // Asking makes no room.
  CHECK(get("/v1/rooms").body["rooms"].empty());
  connect().ask({{"op", "join"}, {"room", "chat.a"}, {"info", {{"mood", 1}}}});
  connect().ask({{"op", "join"}, {"room", "chat.a"}});
  const auto all = get("/v1/rooms/chat.a/presence");
  CHECK(all.status == 200);
  CHECK(all.body["count"] == 2);
  CHECK(all.body["more"] == false);
  REQUIRE(all.body["members"].size() == 2);
  CHECK(all.body["members"][0]["connections"] == 1);
  const auto first = get("/v1/rooms/chat.a/presence?limit=1");
  CHECK(first.body["more"] == true);
  REQUIRE(first.body["members"].size() == 1);
  CHECK(first.body["members"][0] == all.body["members"][0]);
  const auto rest =
      get("/v1/rooms/chat.a/presence?limit=1&after=" + first.body["members"][0]["user"].get<std::string>());
  CHECK(rest.body["more"] == false);
  CHECK(rest.body["members"][0] == all.body["members"][1]);
  CHECK(get("/v1/rooms/chat/presence").body["code"] == "bad_room");
}

TEST_CASE_METHOD(admin_fixture, "connections on all loops are listed", "[admin]") {
  std::vector<client*> all;
  for (auto i = 0; i < 9; ++i)
    all.push_back(&connect());
  all[3]->ask({{"op", "join"}, {"room", "chat.a"}});
  const auto a = get("/v1/connections");
  CHECK(a.status == 200);
  CHECK(a.body["node"] == "n1");
  CHECK(a.body["more"] == false);
  REQUIRE(a.body["connections"].size() == 9);
  auto rooms = 0;
  for (const auto& c : a.body["connections"]) {
    CHECK(c["session"].get<std::string>().size() == 16);
    CHECK(c["user"].is_null());
    CHECK(c["remote"].is_string());
    rooms += c["rooms"].get<int>();
  }
  CHECK(rooms == 1);
  const auto some = get("/v1/connections?limit=4");
  CHECK(some.body["connections"].size() == 4);
  CHECK(some.body["more"] == true);
  CHECK(get("/v1/connections?limit=9").body["more"] == false);
  CHECK(get("/v1/connections?user=nobody").body["connections"].empty());
  CHECK(get("/v1/connections?limit=no").status == 400);
}

TEST_CASE_METHOD(admin_fixture, "a session is sent away, and the others stay", "[admin]") {
  std::vector<client*> all;
  for (auto i = 0; i < 5; ++i)
    all.push_back(&connect());
  const auto listed = get("/v1/connections").body["connections"];
  const std::string session = listed[2]["session"];
  const auto a = post("/v1/disconnect", {{"session", session}});
  CHECK(a.status == 200);
  CHECK(a.body == json{{"disconnected", 1}});
  auto closed = 0;
  for (const auto* c : all)
    if (c->wire.closed) {
      ++closed;
      CHECK(c->wire.closed->code == broker::close_code::revoked);
      CHECK_FALSE(c->wire.closed->reconnect());
    }
  CHECK(closed == 1);
  CHECK(post("/v1/disconnect", {{"session", "00000000000000ff"}}).body["disconnected"] == 0);
}

TEST_CASE_METHOD(admin_fixture, "who may come back is told so", "[admin]") {
  auto& ann = connect();
  const std::string session = get("/v1/connections").body["connections"][0]["session"];
  post("/v1/disconnect", {{"session", session}, {"reconnect", true}});
  REQUIRE(ann.wire.closed);
  CHECK(ann.wire.closed->reconnect());
}

TEST_CASE_METHOD(admin_fixture, "whom an operator revokes is closed, and the rest stays", "[admin]") {
  auto& ann = connect();
  auto& bob = connect();
  const std::string session = get("/v1/connections").body["connections"][0]["session"];
  const auto a = post("/v1/revoke", {{"session", session}});
  CHECK(a.status == 200);
  CHECK(a.body == json{{"revoked", true}});
  CHECK(ann.wire.closed.has_value() != bob.wire.closed.has_value());
  CHECK(revoked.size() == 1);
  CHECK(revoked.all().at(0).made_ms == time.unix_ms());
  CHECK(post("/v1/revoke", json::object()).status == 400);
  CHECK(post("/v1/revoke", {{"user", "ann"}, {"before", 7}}).body["message"] ==
        "field `before` must be a time in milliseconds since 1970");
  CHECK(revoked.size() == 1);
}
