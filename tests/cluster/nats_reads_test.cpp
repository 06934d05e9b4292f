#include "cluster/jetstream_log.hpp"
#include "tests/cluster/lossy_proxy.hpp"
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

TEST_CASE("a read whose first event comes right behind its place asks the stream no more", "[nats]") {
  nats_server server;
  lossy_proxy proxy{server.port()};
  nats_node node{proxy.url()};
  room_double chat{*node.bus, "chat.1"};
  chat.seen().ready();
  nats_wire wire{server.port()};
  for (auto data : {"1", "2", "3"})
    wire.publish_now("hubbub.rooms.chat.1", data);
  wire.publish_now("hubbub.rooms.chat.2", "4");
  chat.seen().until_events(3);
  // How the stream is, and whether the event at the place is there: whoever asks that waits in vain.
  proxy.lose("_INBOX.", "stream_info_response");
  proxy.lose_also("_INBOX.", "\"seq\":1,");
  for (std::uint64_t from = 0; from < 3; ++from) {
    const auto r = read(*node.bus, after("chat.1", from));
    CAPTURE(from, r.why.message);
    CHECK(r.why.code == broker::errc::ok);
    CHECK(r.complete);
    CHECK(r.events.size() == 3 - from);
  }
  // Between the first place and this room's event others are.
  CHECK(read(*node.bus, after("chat.2", 0)).why.code == broker::errc::unavailable);
  CHECK(proxy.lost() > 0);
}

} // namespace hubbub::test
