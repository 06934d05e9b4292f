#include "tests/actors/backend_fixture.hpp"

using namespace hubbub;
using namespace hubbub::tests;
using broker::errc;
using broker::publish_outcome;

namespace {

/// No NATS, so no backend.
struct lonely_fixture : actor_fixture {
  lonely_fixture() : actor_fixture{1, nullptr, false} {}
};

} // namespace

TEST_CASE_METHOD(backend_fixture,
                 "a publish through a backend is accepted by its answer and by nothing before it",
                 "[actors]") {
  auto& ann = connect();
  auto p = publish_to("asks.one");
  p["event_id"] = "ann-1";
  p["key"] = "k";
  p["echo"] = false;
  send(ann, p);
  CHECK(ann.read().empty());
  REQUIRE(backend.events.size() == 1);
  const auto& asked = backend.events.front();
  CHECK(asked.what.room == room("asks.one"));
  CHECK(asked.what.type == "order");
  CHECK(asked.what.data == R"({"n":1})");
  CHECK(asked.what.event_id == "ann-1");
  CHECK(asked.what.key == "k");
  CHECK(asked.what.time_ms == time.unix_ms());
  CHECK(asked.what.excluded == asked.session);
  CHECK(asked.session);

  answer_event(0, fake_backend::says(R"("whatever")"));
  CHECK(only(ann) == json{{"op", "ok"}, {"id", 1}, {"event_id", "ann-1"}, {"accepted", true}});
  CHECK(bus->kept.empty()); // the backend publishes it, not the node
}

TEST_CASE_METHOD(backend_fixture, "an event without an id gets one, which its answer bears", "[actors]") {
  auto& ann = connect();
  send(ann, publish_to("asks.one"));
  send(ann, publish_to("asks.one"), 2);
  REQUIRE(backend.events.size() == 2);
  const auto first = backend.events[0].what.event_id, second = backend.events[1].what.event_id;
  CHECK(broker::protocol::is_label(first));
  CHECK(first != second);
  answer_event(1, {});
  CHECK(only(ann)["event_id"] == second);
  answer_event(0, fake_backend::fails(errc::timeout, publish_outcome::unknown));
  const auto late = only(ann);
  CHECK(late["code"] == "timeout");
  CHECK(late["event_id"] == first);
  CHECK(late["outcome"] == "unknown");
}

TEST_CASE_METHOD(backend_fixture, "a backend's refusal of an event is the client's error", "[actors]") {
  auto& ann = connect();
  send(ann, publish_to("asks.one"));
  answer_event(0, fake_backend::refuses("out_of_stock", "there are none left"));
  const auto no = only(ann);
  CHECK(no["op"] == "error");
  CHECK(no["id"] == 1);
  CHECK(no["code"] == "out_of_stock");
  CHECK(no["message"] == "there are none left");
  CHECK(no["outcome"] == "not_stored");
  CHECK(no["event_id"] == backend.events[0].what.event_id);
}

TEST_CASE_METHOD(backend_fixture, "a backend is asked only about what the client may publish", "[actors]") {
  auto& ann = connect();
  CHECK(ann.ask(publish_to("shut.one"))["code"] == "forbidden");
  CHECK(ann.ask(publish_to("off.one"))["code"] == "forbidden");
  CHECK(backend.events.empty());
  CHECK(ann.ask(publish_to("chat.one"))["op"] == "ok");
  CHECK(backend.events.empty());
}

TEST_CASE_METHOD(backend_fixture, "a call is answered with what the backend says", "[actors]") {
  auto& ann = connect();
  send(ann, call("calls.orders.create", {{"sku", "x"}}), "c1");
  CHECK(ann.read().empty());
  REQUIRE(backend.calls.size() == 1);
  CHECK(backend.calls[0].what.method.str() == "calls.orders.create");
  CHECK(backend.calls[0].what.data == R"({"sku":"x"})");
  CHECK(backend.calls[0].what.session);
  CHECK(backend.calls[0].what.user.empty());
  answer_call(0, fake_backend::says(R"({"order":7})"));
  CHECK(only(ann) == json{{"op", "ok"}, {"id", "c1"}, {"data", {{"order", 7}}}});
}

TEST_CASE_METHOD(backend_fixture, "bytes that a backend answers to a call come as base64", "[actors]") {
  auto& ann = connect();
  send(ann, call("calls.raw"));
  auto a = fake_backend::says("AAEC");
  a.encoding = broker::data_encoding::base64;
  answer_call(0, std::move(a));
  CHECK(only(ann) == json{{"op", "ok"}, {"id", 1}, {"data", "AAEC"}, {"encoding", "base64"}});
}

TEST_CASE_METHOD(backend_fixture, "what goes wrong with a call has a code, and no outcome", "[actors]") {
  auto& ann = connect();
  const auto fails = [&](broker::backend_answer a) {
    send(ann, call("calls.one"));
    answer_call(backend.calls.size() - 1, std::move(a));
    auto no = only(ann);
    CHECK(no["op"] == "error");
    CHECK_FALSE(no.contains("event_id"));
    CHECK_FALSE(no.contains("outcome"));
    return no["code"].get<std::string>();
  };
  CHECK(fails(fake_backend::fails(errc::no_such_method, publish_outcome::not_stored)) == "no_such_method");
  CHECK(fails(fake_backend::fails(errc::timeout, publish_outcome::unknown)) == "timeout");
  CHECK(fails(fake_backend::fails(errc::too_large, publish_outcome::unknown)) == "too_large");
  CHECK(fails(fake_backend::refuses("invalid_data", "n must be positive")) == "invalid_data");
  std::string text;
  metrics.write(text);
  CHECK(text.find("hubbub_refused_total{code=\"timeout\"} 1") != text.npos);
  CHECK(text.find("hubbub_refused_total{code=\"backend\"} 1") != text.npos);
}

TEST_CASE_METHOD(backend_fixture, "a call needs the grant", "[actors]") {
  auto& ann = connect();
  CHECK(ann.ask(call("chat.one"))["code"] == "forbidden");
  CHECK(ann.ask(call("shut.one"))["code"] == "forbidden");
  CHECK(backend.calls.empty());
}

TEST_CASE_METHOD(lonely_fixture, "without a backend calls and events for one are not supported", "[actors]") {
  auto& ann = connect();
  for (const auto& command : {call("calls.one"), publish_to("asks.one")}) {
    const auto no = ann.ask(command);
    CHECK(no["code"] == "not_supported");
    CHECK(no["message"].get<std::string>().find("NATS") != std::string::npos);
  }
}

TEST_CASE_METHOD(backend_fixture, "what waits for backends counts as commands in flight", "[actors]") {
  bounds.backend_requests = 32 * bounds.commands_in_flight;
  auto& ann = connect();
  for (std::uint32_t i = 0; i < bounds.commands_in_flight; ++i) {
    CHECK(ann.wire.reading);
    send(ann, i % 2 == 0 ? call("calls.one") : publish_to("asks.one"), i);
  }
  CHECK_FALSE(ann.wire.reading);
  answer_call(0, {});
  CHECK(ann.read().size() == 1);
  ann.take(SIZE_MAX); // the kernel has the answer
  CHECK(ann.wire.reading);
}

TEST_CASE_METHOD(backend_fixture, "one client has a share of what may wait for backends, and no more",
                 "[actors]") {
  bounds.backend_requests = 128;
  auto& ann = connect();
  auto& bob = connect();
  ann.wire.room = 0;
  for (auto i = 0; i < 4; ++i)
    send(ann, call("calls.one"), i);
  REQUIRE(backend.calls.size() == 4);
  // Answers that it does not read keep their places.
  const std::string large(60'000, 'x');
  for (auto i = 0u; i < 4; ++i)
    answer_call(i, fake_backend::says('"' + large + '"'));
  ann.drain(100);
  for (auto i = 4; i < 8; ++i)
    send(ann, i % 2 == 0 ? call("calls.one") : publish_to("asks.one"), i);
  const auto taken = backend.calls.size() + backend.events.size();
  CHECK(taken < 8);
  send(bob, call("calls.one"));
  CHECK(backend.calls.size() + backend.events.size() == taken + 1);
  std::vector<json> refused;
  for (auto i = 0; i < 20; ++i) {
    ann.drain(200'000);
    for (auto& m : ann.read())
      if (m["op"] == "error")
        refused.push_back(std::move(m));
  }
  REQUIRE(refused.size() == 8 - taken);
  for (const auto& no : refused) {
    CHECK(no["code"] == "overloaded");
    CHECK(no["retry_after_ms"] > 0);
    if (no["id"].get<int>() % 2 == 1) {
      CHECK(no["outcome"] == "not_stored");
      CHECK(no["event_id"].is_string());
    }
  }
  // It has read them: there is room again.
  send(ann, call("calls.one"), 9);
  CHECK(backend.calls.size() + backend.events.size() == taken + 2);
}

TEST_CASE_METHOD(backend_fixture, "a client that has gone is not kept by what it asked", "[actors]") {
  auto& ann = connect();
  send(ann, call("calls.one"));
  send(ann, publish_to("asks.one"), 2);
  ann.gone();
  settle();
  CHECK(node->unit(0).connections().empty());
  auto place = std::make_shared<int>();
  auto a = fake_backend::says("1");
  a.place = place;
  answer_call(0, std::move(a));
  answer_event(0, {});
  CHECK(place.use_count() == 1); // the answer is nowhere
  CHECK(ann.read().empty());
}

TEST_CASE_METHOD(backend_fixture, "an event that waits for a backend outlives a crash of its room",
                 "[actors]") {
  auto& ann = connect();
  send(ann, publish_to("asks.one"));
  ann.ask(crash("chat.one"));
  settle();
  answer_event(0, {});
  CHECK(only(ann)["accepted"] == true);
}

TEST_CASE_METHOD(backend_fixture, "answers to calls that a client is slow to read wait, and come whole",
                 "[actors]") {
  auto& ann = connect();
  ann.wire.room = 1000;
  auto place = std::make_shared<int>();
  const std::string large(60'000, 'x');
  for (auto i = 0; i < 10; ++i)
    send(ann, call("calls.one"), i);
  for (auto i = 0; i < 10; ++i) {
    auto a = fake_backend::says('"' + large + '"');
    a.place = place;
    answer_call(static_cast<std::size_t>(i), std::move(a));
  }
  CHECK(ann.wire.control_bytes() <= bounds.control_bytes / 2 + 1000);
  CHECK_FALSE(ann.wire.closed);
  CHECK(place.use_count() > 5); // those that wait keep their places
  std::vector<json> all;
  for (auto i = 0; i < 20 && all.size() < 10; ++i) {
    ann.drain(200'000);
    for (auto& m : ann.read())
      all.push_back(std::move(m));
  }
  REQUIRE(all.size() == 10);
  for (const auto& m : all)
    CHECK(m["data"] == large);
  CHECK(place.use_count() == 1);
}

TEST_CASE_METHOD(backend_fixture, "whoever is sent home while answers are held has them first", "[actors]") {
  auto& ann = connect();
  const std::string large(40'000, 'x');
  constexpr auto calls = 10;
  for (auto i = 0; i < calls; ++i)
    send(ann, call("calls.one"), i);
  ann.wire.room = 0;
  for (auto& c : backend.calls)
    c.done(fake_backend::says('"' + large + '"'));
  settle();
  for (std::size_t l = 0; l < loops.size(); ++l)
    node->unit(l).send_home(1, std::chrono::milliseconds{100});
  settle();
  CHECK_FALSE(ann.wire.closed);
  std::size_t said = 0;
  for (auto i = 0; i < 2 * calls && !ann.wire.closed; ++i) {
    ann.drain(60'000);
    said += ann.read().size();
  }
  REQUIRE(ann.wire.closed);
  ann.drain(SIZE_MAX); // what is in the lane goes before the goodbye
  CHECK(said + ann.read().size() == calls);
  CHECK(ann.wire.closed->code == broker::close_code::draining);
}
