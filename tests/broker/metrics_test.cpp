#include "broker/metrics.hpp"

#include "tests/support/catch.hpp"

#include <limits>
#include <thread>

using hubbub::broker::metric_labels;
using hubbub::broker::metrics;
using hubbub::broker::no_loop;

namespace {

std::string text_of(const metrics& all) {
  std::string out;
  all.write(out);
  return out;
}

} // namespace

TEST_CASE("a counter is written with its help, type and labels", "[metrics]") {
  metrics all{2};
  auto& live = all.counter("hubbub_events_total", "Events that rooms accepted", {{"kind", "live"}});
  auto& kept = all.counter("hubbub_events_total", "Events that rooms accepted", {{"kind", "retained"}});
  live.add(0, 2);
  live.add(1, 3);
  kept.add(no_loop);
  CHECK(text_of(all) == "# HELP hubbub_events_total Events that rooms accepted\n"
                        "# TYPE hubbub_events_total counter\n"
                        "hubbub_events_total{kind=\"live\"} 5\n"
                        "hubbub_events_total{kind=\"retained\"} 1\n");
}

TEST_CASE("the same name and labels give the same counter", "[metrics]") {
  metrics all{1};
  auto& one = all.counter("hubbub_a_total", "A", {{"x", "1"}});
  CHECK(&one == &all.counter("hubbub_a_total", "A", {{"x", "1"}}));
  CHECK(&one != &all.counter("hubbub_a_total", "A", {{"x", "2"}}));
}

TEST_CASE("a gauge that one loop raised may be lowered by another", "[metrics]") {
  metrics all{2};
  auto& open = all.gauge("hubbub_connections", "Open connections");
  open.add(0, 3);
  open.sub(1, 2);
  CHECK(text_of(all) == "# HELP hubbub_connections Open connections\n"
                        "# TYPE hubbub_connections gauge\n"
                        "hubbub_connections 1\n");
  open.sub(no_loop, 5);
  CHECK(open.value() == -4);
}

TEST_CASE("a number that is looked up is asked for at each scrape", "[metrics]") {
  metrics all{1};
  double value = 1.5;
  all.gauge_from("hubbub_memory_bytes", "Memory", [&value] { return value; });
  CHECK(text_of(all).ends_with("\nhubbub_memory_bytes 1.5\n"));
  value = std::numeric_limits<double>::infinity();
  CHECK(text_of(all).ends_with("\nhubbub_memory_bytes +Inf\n"));
  all.gauge_from("hubbub_memory_bytes", "Memory", [] { return 7.0; });
  CHECK(text_of(all).ends_with("\nhubbub_memory_bytes 7\n"));
}

TEST_CASE("a histogram's buckets add up, with sum and count", "[metrics]") {
  metrics all{2};
  auto& lag = all.histogram("hubbub_lag_seconds", "Lag", {0.001, 0.1}, {{"loop", "0"}});
  lag.observe(0, 0.0005);
  lag.observe(1, 0.001); // a bound belongs to its bucket
  lag.observe(0, 0.05);
  lag.observe(no_loop, 2);
  CHECK(text_of(all) == "# HELP hubbub_lag_seconds Lag\n"
                        "# TYPE hubbub_lag_seconds histogram\n"
                        "hubbub_lag_seconds_bucket{loop=\"0\",le=\"0.001\"} 2\n"
                        "hubbub_lag_seconds_bucket{loop=\"0\",le=\"0.1\"} 3\n"
                        "hubbub_lag_seconds_bucket{loop=\"0\",le=\"+Inf\"} 4\n"
                        "hubbub_lag_seconds_sum{loop=\"0\"} 2.0515\n"
                        "hubbub_lag_seconds_count{loop=\"0\"} 4\n");
}

TEST_CASE("labels and help cannot break the text's lines", "[metrics]") {
  metrics all{1};
  all.counter("hubbub_b_total", "one\\two\nthree", metric_labels{{"why", "a\"b\\c\nd"}}).add(0);
  CHECK(text_of(all) == "# HELP hubbub_b_total one\\\\two\\nthree\n"
                        "# TYPE hubbub_b_total counter\n"
                        "hubbub_b_total{why=\"a\\\"b\\\\c\\nd\"} 1\n");
}

TEST_CASE("counts of several threads are not lost", "[metrics]") {
  metrics all{2};
  auto& n = all.counter("hubbub_n_total", "N");
  constexpr std::uint64_t each = 100'000;
  std::vector<std::thread> threads;
  for (std::uint32_t loop : {0U, 1U, no_loop, no_loop})
    threads.emplace_back([&n, loop] {
      for (std::uint64_t i = 0; i < each; ++i)
        n.add(loop);
    });
  for (auto& t : threads)
    t.join();
  CHECK(n.value() == 4 * each);
}
