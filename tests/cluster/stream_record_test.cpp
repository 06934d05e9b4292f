#include "cluster/stream_record.hpp"
#include "tests/support/catch.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace hubbub::test {
namespace {

using cluster::stream_record;
using namespace std::chrono_literals;
namespace js = cluster::js;

/// A stream with ten events of a second ago, of which a room may have three, and what looks at it have shown.
struct looked_at {
  looked_at() {
    is.config.name = "HUBBUB_chat";
    is.config.max_msgs_per_subject = 3;
    is.created = "then";
    is.created_ms = 1'000;
    is.messages = is.last_seq = 10;
    is.first_seq = 1;
    is.first_time_ms = is.last_time_ms = now.unix_ms - 1'000;
    is.leader = "a";
    describe();
  }
  void describe() { is.config.description = note.str(); }
  void pass(std::chrono::milliseconds time) {
    now.steady += time;
    now.unix_ms += time.count();
  }
  stream_record::verdict judge() { return record.judge(is, note, record.before(), now); }
  stream_record::news adopt() { return record.adopt(is, now); }

  stream_record::moment now{std::chrono::steady_clock::now(), 1'800'000'000'000};
  cluster::stream_note note{1, "p", 0, "0", "id"};
  js::stream_info is;
  stream_record record{cluster::nats_intervals{}, 60s};
};

TEST_CASE_METHOD(looked_at, "the first look at a stream is no news", "[stream_record]") {
  CHECK(record.epoch().empty());
  CHECK_FALSE(record.is_another(is));
  CHECK(judge().over.empty());
  const auto n = adopt();
  CHECK_FALSE(n.new_life);
  CHECK_FALSE(n.new_leader);
  CHECK_FALSE(n.purged);
  CHECK(record.epoch().size() == 8);
  CHECK(record.reached().offset == 10);
  CHECK_FALSE(record.is_another(is));
}

TEST_CASE_METHOD(looked_at, "a stream that somebody else made, or began anew, is a new life",
                 "[stream_record]") {
  adopt();
  record.saw({record.epoch(), 20});
  CHECK(record.reached().offset == 20);
  const auto epoch = record.epoch();
  SECTION("made anew") { note.id = "another"; }
  SECTION("begun anew") { note.life = "next"; }
  describe();
  CHECK(record.is_another(is));
  CHECK(judge().over.empty()); // it is known to be another: nothing is set back
  CHECK(adopt().new_life);
  CHECK(record.epoch() != epoch);
  CHECK(record.reached().offset == 10);
  record.saw({epoch, 30});
  CHECK(record.reached().offset == 10);
}

TEST_CASE_METHOD(looked_at, "a stream that was made again as it was is noticed by when", "[stream_record]") {
  adopt();
  is.created_ms += 60'000; // as servers tell two times of one stream
  CHECK(judge().over.empty());
  ++is.created_ms;
  CHECK(judge().over.find("made again") != std::string::npos);
}

TEST_CASE_METHOD(looked_at, "a stream is set back when three looks, a second apart, say so",
                 "[stream_record]") {
  adopt();
  is.last_seq = is.messages = 9;
  const auto looks = [&](int n) {
    auto found = false;
    for (; n > 0; --n, pass(1s))
      found = !judge().over.empty();
    return found;
  };
  SECTION("three") {
    CHECK_FALSE(looks(2));
    const auto v = judge();
    CHECK(v.over.find("set back") != std::string::npos);
    CHECK(v.at == 9);
  }
  SECTION("many in a moment count once") {
    for (auto i = 0; i < 10; ++i)
      CHECK(judge().over.empty());
    pass(1s);
    CHECK_FALSE(looks(1));
    CHECK(looks(1));
  }
  SECTION("a leader that has caught up with itself was not") {
    CHECK_FALSE(looks(2));
    adopt();
    CHECK(record.reached().offset == 10); // which it had reached
    is.last_seq = 10;
    CHECK(judge().over.empty());
    is.last_seq = 9;
    CHECK_FALSE(looks(2));
  }
}

TEST_CASE_METHOD(looked_at, "what was written over ends a life where nobody can put it right",
                 "[stream_record]") {
  adopt();
  CHECK_FALSE(record.note_written_over({"another", 5}));
  REQUIRE(record.note_written_over({record.epoch(), 5}));
  SECTION("one replica") {
    const auto v = judge();
    CHECK(v.over.find("written over") != std::string::npos);
    CHECK(v.at == 5);
  }
  SECTION("three, which may contradict each other: told once") {
    is.config.replicas = 3;
    const auto v = judge();
    CHECK(v.over.empty());
    CHECK(v.contradicted);
    CHECK(v.at == 5);
    CHECK_FALSE(judge().contradicted);
  }
  SECTION("another node has begun the next life already") {
    note.life = "next";
    const auto v = judge();
    CHECK(v.over.empty());
    CHECK_FALSE(v.contradicted);
  }
}

TEST_CASE_METHOD(looked_at, "what a stream has less than its limits left it was taken from it",
                 "[stream_record]") {
  is.config.max_age_ns = 60'000'000'000;
  is.first_time_ms = now.unix_ms;
  adopt();
  is.messages = 9;
  pass(29'999ms);
  CHECK(judge().thinned);
  SECTION("what may have grown too old was not") {
    pass(1ms);
    CHECK_FALSE(judge().thinned);
  }
  SECTION("nor where as many came") {
    is.last_seq = 11;
    CHECK(judge().thinned);
    is.messages = 10;
    CHECK_FALSE(judge().thinned);
  }
  SECTION("nor where the limits are others") {
    is.config.max_msgs_per_subject = 1;
    CHECK_FALSE(judge().thinned);
  }
  SECTION("nor where all is gone, or its end: those are told apart") {
    is.first_seq = 11;
    CHECK_FALSE(judge().thinned);
    is.first_seq = 1;
    is.last_seq = 9;
    CHECK_FALSE(judge().thinned);
  }
  SECTION("nor in another life") {
    note.life = "next";
    CHECK_FALSE(judge().thinned);
  }
}

TEST_CASE_METHOD(looked_at, "what goes from a stream that has no age was taken, however old",
                 "[stream_record]") {
  adopt();
  is.messages = 9;
  pass(240h);
  CHECK(judge().thinned);
}

TEST_CASE_METHOD(looked_at, "a stream from which all goes at once was purged", "[stream_record]") {
  adopt();
  is.messages = 0;
  is.first_seq = 11;
  auto purged = true;
  SECTION("while its newest event was young") {}
  SECTION("unless all may have been too old") {
    pass(60s);
    purged = false;
  }
  SECTION("also when some came since") {
    is.messages = 2;
    is.last_seq = 12;
  }
  SECTION("unless as many came as a room may have") {
    is.messages = 3;
    is.last_seq = 13;
    purged = false;
  }
  CHECK(adopt().purged == purged);
}

TEST_CASE_METHOD(looked_at, "what all rooms have by now is what the look before the last one found",
                 "[stream_record]") {
  adopt();
  const auto ms = [&] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now.steady.time_since_epoch()).count();
  };
  const auto first = ms();
  CHECK(record.settled_last() == 10);
  pass(1s);
  is.last_seq = 12;
  adopt();
  CHECK(record.settled_last() == 10);
  CHECK(record.settled_at() == first);
  const auto second = ms();
  pass(1s);
  is.leader = "b";
  const auto n = adopt();
  CHECK(n.new_leader);
  CHECK(n.settled == broker::stream_position{record.epoch(), 10});
  CHECK(record.settled_last() == 12);
  CHECK(record.settled_at() == second);
  is.leader.clear(); // there is none for now
  CHECK_FALSE(adopt().new_leader);
  is.leader = "b";
  CHECK_FALSE(adopt().new_leader);
}

TEST_CASE_METHOD(looked_at, "from where rooms keep all that they may only rises", "[stream_record]") {
  note.raised = 7;
  describe();
  adopt();
  CHECK(record.raised() == 7);
  note.raised = 5;
  describe();
  adopt();
  CHECK(record.raised() == 7);
}

} // namespace
} // namespace hubbub::test
