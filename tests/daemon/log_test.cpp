#include "broker/daemon/log.hpp"

#include "broker/daemon/log_limiter.hpp"
#include "tests/support/catch.hpp"

#include <simdjson.h>

#include <limits>
#include <sstream>
#include <thread>
#include <vector>

using namespace hubbub;
using namespace hubbub::daemon;
using broker::log_level;

namespace {

struct written {
  std::ostringstream out;
  broker::manual_clock time;
  std::unique_ptr<broker::log_sink> log;

  explicit written(log_format format, log_level level = log_level::debug)
      : log{make_log(format, level, time, &out)} {}

  /// The lines since the last call, without the time in front of human ones.
  std::vector<std::string> lines() {
    std::vector<std::string> all;
    std::istringstream in{out.str()};
    for (std::string line; std::getline(in, line);)
      all.push_back(line.starts_with("{") ? line : line.substr(24));
    out.str("");
    return all;
  }
};

} // namespace

TEST_CASE("people get one line with level, component, message and fields", "[log]") {
  written w{log_format::human};
  w.log->info("rooms", "a room has ended",
              {{"room", "chat.1"}, {"readers", 12}, {"load", 0.5}, {"idle", true}});
  w.log->warn("rooms", "odd", {{"why", "two words"}, {"quote", "a\"b\\c"}, {"empty", ""}, {"left", -3}});
  CHECK(w.lines() ==
        std::vector<std::string>{"info  rooms: a room has ended room=chat.1 readers=12 load=0.5 idle=true",
                                 R"(warn  rooms: odd why="two words" quote="a\"b\\c" empty="" left=-3)"});
}

TEST_CASE("nothing in a field can forge a line or speak to the terminal", "[log]") {
  written w{log_format::human};
  w.log->info("doors", "refused\nerror doors: forged",
              {{"user", "x\r\n\x1b[31mred\x7f"}, {"bad", "\xff\xc2\x9b"}});
  const auto lines = w.lines();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0] == "info  doors: refused\\nerror doors: forged user=x\\r\\n\\u001b[31mred\\u007f "
                    "bad=\xef\xbf\xbd\xef\xbf\xbd");
}

TEST_CASE("machines get one JSON object for each entry", "[log]") {
  written w{log_format::json};
  w.log->error("log", "disk \"full\"\n\x01 ü \xff",
               {{"path", "C:\\x"},
                {"n", std::numeric_limits<std::uint64_t>::max()},
                {"ratio", std::numeric_limits<double>::infinity()},
                {"message", "mine"},
                {"ok", false}});
  const auto lines = w.lines();
  REQUIRE(lines.size() == 1);
  simdjson::dom::parser parser;
  simdjson::dom::object o;
  REQUIRE(parser.parse(lines[0]).get_object().get(o) == simdjson::SUCCESS);
  const auto text = [&](const char* key) { return std::string{o[key].get_string().value()}; };
  CHECK(text("level") == "error");
  CHECK(text("component") == "log");
  CHECK(text("message") == "disk \"full\"\n\x01 ü \xef\xbf\xbd");
  CHECK(text("message_") == "mine");
  CHECK(text("path") == "C:\\x");
  CHECK(o["n"].get_uint64().value() == std::numeric_limits<std::uint64_t>::max());
  CHECK(o["ratio"].is_null());
  CHECK_FALSE(o["ok"].get_bool().value());
  const auto time = text("time");
  CHECK(time.size() == 24);
  CHECK(time[10] == 'T');
  CHECK(time.back() == 'Z');
}

TEST_CASE("levels below the chosen one are not written", "[log]") {
  written w{log_format::human, log_level::warn};
  w.log->debug("a", "1");
  w.log->info("a", "2");
  w.log->warn("a", "3");
  w.log->error("a", "4");
  CHECK(w.lines() == std::vector<std::string>{"warn  a: 3", "error a: 4"});
  CHECK_FALSE(w.log->wants(log_level::info));
  written off{log_format::human, log_level::off};
  off.log->error("a", "1");
  CHECK(off.lines().empty());
}

TEST_CASE("repeated trouble is told once a minute for each key, with what was held back", "[log]") {
  written w{log_format::human};
  const auto trouble = [&](const char* key) {
    w.log->limited(log_level::warn, "doors", key, "refused", {{"code", "expired"}});
  };
  for (int i = 0; i < 5; ++i)
    trouble("a");
  trouble("b");
  CHECK(w.lines() == std::vector<std::string>(2, "warn  doors: refused code=expired"));
  w.time.advance(std::chrono::milliseconds{59'999});
  trouble("a");
  CHECK(w.lines().empty());
  w.time.advance(std::chrono::milliseconds{1});
  trouble("a");
  trouble("b");
  CHECK(w.lines() == std::vector<std::string>{"warn  doors: refused code=expired not_shown=5",
                                              "warn  doors: refused code=expired"});
}

TEST_CASE("keys that never end do not fill the memory", "[log]") {
  log_limiter limiter;
  broker::steady_time now{};
  std::size_t passed = 0;
  for (std::size_t i = 0; i < 3 * log_limiter::most_keys; ++i)
    passed += limiter.pass("key" + std::to_string(i), now).has_value();
  CHECK(passed == log_limiter::most_keys + 1);
  now += log_limiter::interval;
  CHECK(limiter.pass("new", now).has_value());
}

TEST_CASE("lines of several threads stay whole", "[log]") {
  written w{log_format::human};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i)
        w.log->info("t", "0123456789");
    });
  for (auto& t : threads)
    t.join();
  CHECK(w.lines() == std::vector<std::string>(800, "info  t: 0123456789"));
}
