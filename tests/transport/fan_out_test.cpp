#include "broker/wire_frame.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/certificate.hpp"
#include "tests/support/ws_client.hpp"
#include "tests/transport/test_server.hpp"
#include "transport/tls_context.hpp"

#include <array>

using namespace hubbub;
using namespace hubbub::tests;

namespace {

/// Frames end to end, as a tape has them, and where each begins.
struct small_tape {
  std::string bytes;
  std::vector<std::size_t> starts;

  explicit small_tape(int events, std::size_t longest = 3000) {
    unsigned seed = 12345;
    for (int i = 0; i < events; ++i) {
      seed = seed * 1103515245 + 12345;
      std::string payload = "event " + std::to_string(i) + ' ';
      payload.resize(payload.size() + (seed >> 8) % longest, static_cast<char>('a' + i % 26));
      starts.push_back(bytes.size());
      broker::append_text_frame(bytes, payload);
    }
    starts.push_back(bytes.size());
  }
  [[nodiscard]] std::size_t end_of_frame(std::size_t at) const {
    return *std::lower_bound(starts.begin(), starts.end(), at);
  }
};

/// A reader of the tape on its loop: sends from its cursor, and keeps the rest of torn frames. Made before
/// the server is, because the loop calls it until the server's end.
struct tape_reader {
  const small_tape& tape;
  echo* client = nullptr;
  std::size_t cursor = 0;
  std::size_t torn = 0;
  std::size_t slice_most = 100'000;

  /// Goes on as long as the client's socket takes bytes; on the loop.
  void follow(echo& reader) {
    client = &reader;
    reader.when_writable = [this](echo&) { send(); };
    send();
  }

  void send() {
    while (client->connection && !client->connection->blocked() && cursor < tape.bytes.size()) {
      // Several slices, cut at frames, as a segmented tape gives them.
      std::array<std::string_view, 3> slices;
      auto at = cursor;
      for (auto& slice : slices) {
        auto end = tape.end_of_frame(std::min(at + slice_most / 3, tape.bytes.size()));
        slice = std::string_view{tape.bytes}.substr(at, end - at);
        at = end;
      }
      const auto gone = client->connection->write(slices);
      if (gone == 0 && !client->connection->blocked())
        FAIL("no progress");
      cursor += gone;
      const auto whole = tape.end_of_frame(cursor);
      if (whole != cursor) {
        ++torn;
        client->connection->keep(std::string_view{tape.bytes}.substr(cursor, whole - cursor));
        cursor = whole;
      }
    }
  }
};

transport::listener_options tiny(std::uint32_t send_buffer, bool tls = false) {
  static const test_certificate certificate;
  static const auto context =
      transport::tls_context::load(certificate.certificate_file(), certificate.key_file()).value();
  transport::listener_options options;
  options.send_buffer_bytes = send_buffer;
  options.control_bytes = 1 << 20;
  options.tls = tls ? context.get() : nullptr;
  return options;
}

} // namespace

TEST_CASE("pings during a fan-out find their answers between whole frames", "[websocket][write]") {
  const auto send_buffer = GENERATE(4608u, 65'536u);
  const auto tls = GENERATE(false, true);
  CAPTURE(send_buffer, tls);
  const small_tape tape{3000};
  tape_reader reader{tape};
  test_server server{tiny(send_buffer, tls)};
  ws_client client{server.port(), {.tls = tls, .receive_buffer = 2048}};
  auto handler = server.client();
  server.on_loop([&] { reader.follow(*handler); });

  int events = 0, pongs = 0, pings = 0, echoes = 0, asked = 0, updates = 0;
  std::size_t at = 0;
  while (events < 3000) {
    if (tls && events % 30 == 0 && updates == events / 30) {
      REQUIRE(client.socket().update_keys());
      ++updates;
    }
    if (events % 3 == 0 && pings == events / 3)
      client.send_ping("ping " + std::to_string(pings++));
    if (events % 100 == 0 && asked == events / 100)
      client.send_text("echo " + std::to_string(asked++));
    auto frame = client.read_frame(10s);
    REQUIRE(frame);
    if (frame->opcode == 10) {
      REQUIRE(frame->payload == "ping " + std::to_string(pongs++));
    } else if (frame->payload.starts_with("echo ")) {
      REQUIRE(frame->payload == "echo " + std::to_string(echoes++));
    } else {
      std::string expected;
      broker::append_text_frame(expected, frame->payload);
      REQUIRE((std::string_view{tape.bytes}.substr(at, expected.size()) == expected));
      at += expected.size();
      ++events;
    }
  }
  while (pongs < pings || echoes < asked) {
    auto frame = client.read_frame();
    REQUIRE(frame);
    ++(frame->opcode == 10 ? pongs : echoes);
  }
  CHECK(at == tape.bytes.size());
  const auto torn = server.ask<std::size_t>([&] { return reader.torn; });
  CHECK(torn > (send_buffer == 4608 ? 200 : 20));
}

TEST_CASE("frames above 64 KB go through a small socket", "[websocket][write]") {
  const auto tls = GENERATE(false, true);
  const small_tape tape{40, 200'000};
  tape_reader reader{tape};
  reader.slice_most = 1 << 20;
  test_server server{tiny(4608, tls)};
  ws_client client{server.port(), {.tls = tls, .receive_buffer = 4096}};
  auto handler = server.client();
  server.on_loop([&] { reader.follow(*handler); });
  auto all = client.socket().receive_exactly(tape.bytes.size(), 20s);
  REQUIRE(all);
  CHECK((*all == tape.bytes));
}

TEST_CASE("a reader that is blocked is told when its socket takes bytes again", "[websocket][write]") {
  const auto tls = GENERATE(false, true);
  broker::tape_budget tapes;
  auto options = tiny(4608, tls);
  options.tapes = &tapes;
  test_server server{std::move(options)};
  ws_client client{server.port(), {.tls = tls, .receive_buffer = 2048}};
  auto handler = server.client();
  const std::string frame = "\x81\x7e\x03\xe8" + std::string(1000, 'f');
  std::size_t sent = 0;
  std::size_t kept = 0;
  server.on_loop([&] {
    auto& c = *handler->connection;
    while (!c.blocked()) {
      std::string_view slice{frame};
      const auto n = c.write({&slice, 1});
      sent += n;
      if (n < frame.size()) {
        CHECK(c.blocked());
        c.keep(slice.substr(n));
        kept += frame.size() - n;
        sent += frame.size() - n;
      }
    }
    std::string_view slice{frame};
    CHECK(c.write({&slice, 1}) == 0);
  });
  CHECK(server.ask<int>([&] { return handler->writable; }) == 0);
  CHECK(tapes.used() == kept); // what waits with a connection is the tapes' memory, too
  for (std::size_t i = 0; i < sent / frame.size(); ++i)
    REQUIRE((client.socket().receive_exactly(frame.size(), 5s) == frame));
  CHECK(eventually(2s, [&] { return server.ask<int>([&] { return handler->writable; }) == 1; }));
  server.on_loop([&] {
    CHECK_FALSE(handler->connection->blocked());
    CHECK(handler->connection->control_bytes() == 0);
  });
  CHECK(tapes.used() == 0);
}
