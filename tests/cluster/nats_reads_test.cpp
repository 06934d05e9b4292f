#include "cluster/jetstream_log.hpp"
#include "tests/cluster/nats_kit.hpp"
#include "tests/support/catch.hpp"

#include <atomic>

namespace hubbub::test {

TEST_CASE("only so many reads wait for a stream that does not answer, and all are answered", "[nats]") {
  nats_server server;
  nats_node node{server.url()};
  server.stop_for_now();
  constexpr auto all = cluster::jetstream_log::most_waiting + 500;
  std::atomic<std::size_t> answered = 0, refused = 0;
  for (std::size_t i = 0; i < all; ++i)
    node.bus->read(after("chat.1", 0), [&](const broker::read_result& r) {
      ++answered;
      if (r.why.code == broker::errc::overloaded && r.why.retry_after_ms != 0)
        ++refused;
    });
  // Some are under way, and a few of those may have been given up by now.
  CHECK(refused > 400);
  CHECK(refused < 500);
  server.go_on();
  node.bus.reset();
  CHECK(answered == all);
}

} // namespace hubbub::test
