#include "transport/message_reader.hpp"

#include "transport/wire.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <utility>

namespace hubbub::transport {

namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using beast::error_code;
using broker::close_code;
using broker::disconnect;

/// A reader keeps no larger buffer between messages.
constexpr std::size_t kept_bytes = 16'384;

/// One of Beast's operations, waiting to be told what came of it.
class waiting_op {
public:
  virtual ~waiting_op() = default;
  virtual void complete(error_code ec, std::size_t n) = 0;
};

template <class Handler>
class waiting_handler final : public waiting_op {
public:
  explicit waiting_handler(Handler&& handler) : handler_{std::move(handler)} {}
  void complete(error_code ec, std::size_t n) override { std::move(handler_)(ec, n); }

private:
  Handler handler_;
};

template <class Handler>
std::unique_ptr<waiting_op> make_waiting(Handler&& handler) {
  return std::make_unique<waiting_handler<std::decay_t<Handler>>>(std::forward<Handler>(handler));
}

void complete(std::unique_ptr<waiting_op>& op, error_code ec, std::size_t n) {
  // Beast starts its next operation from within.
  auto now = std::move(op);
  now->complete(ec, n);
}

disconnect fault(error_code ec) {
  if (ec == beast::websocket::error::message_too_big || ec == beast::websocket::error::buffer_overflow)
    return {close_code::too_big, "a message is larger than the limit", 0};
  if (ec == beast::websocket::error::bad_frame_payload)
    return {close_code::bad_payload, "a text message is not valid UTF-8", 0};
  return {close_code::protocol_error, ec.message().substr(0, 100), 0};
}

} // namespace

struct message_reader::stream {
  /// What Beast sees as a socket: reads and writes wait in the reader.
  struct layer {
    using executor_type = net::io_context::executor_type;
    executor_type get_executor() const noexcept { return at->io.get_executor(); }

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& to, Token&& token) {
      return net::async_initiate<Token, void(error_code, std::size_t)>(
          [s = at](auto&& done, const Buffers& buffers) {
            auto first = net::buffer_sequence_begin(buffers);
            s->into = first == net::buffer_sequence_end(buffers) ? net::mutable_buffer{} : *first;
            s->reading = make_waiting(std::forward<decltype(done)>(done));
          },
          token, to);
    }
    template <class Buffers, class Token>
    auto async_write_some(const Buffers& from, Token&& token) {
      return net::async_initiate<Token, void(error_code, std::size_t)>(
          [s = at](auto&& done, const Buffers& buffers) {
            s->out = beast::buffers_to_string(buffers);
            s->writing = make_waiting(std::forward<decltype(done)>(done));
          },
          token, from);
    }
    // Only the canned handshake is synchronous, and nobody sees its answer.
    template <class Buffers>
    std::size_t write_some(const Buffers& from, error_code& ec) {
      ec = {};
      return beast::buffer_bytes(from);
    }
    template <class Buffers>
    std::size_t write_some(const Buffers& from) {
      return beast::buffer_bytes(from);
    }
    template <class Buffers>
    std::size_t read_some(const Buffers&, error_code& ec) {
      ec = net::error::eof;
      return 0;
    }
    template <class Buffers>
    std::size_t read_some(const Buffers&) {
      return 0;
    }

    friend void beast_close_socket(layer&) {}
    friend void teardown(beast::role_type, layer&, error_code& ec) { ec = {}; }
    template <class Handler>
    friend void async_teardown(beast::role_type, layer& l, Handler&& h) {
      net::post(l.get_executor(), beast::bind_front_handler(std::forward<Handler>(h), error_code{}));
    }

    stream* at;
  };

  stream(net::io_context& context, std::size_t message_bytes) : io{context}, ws{layer{this}} {
    ws.read_message_max(message_bytes);
    http::request<http::empty_body> request{http::verb::get, "/", 11};
    request.set(http::field::host, "localhost");
    request.set(http::field::upgrade, "websocket");
    request.set(http::field::connection, "Upgrade");
    request.set(http::field::sec_websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
    request.set(http::field::sec_websocket_version, "13");
    error_code ec;
    ws.accept(request, ec);
    if (ec)
      end(ec);
  }

  void read() {
    started = true;
    // What Beast has posted may come when this is gone.
    ws.async_read(in, [this, token = std::weak_ptr{alive}](error_code ec, std::size_t) {
      if (token.expired())
        return;
      started = false;
      if (ec)
        return end(ec);
      using kind = frame_meter::kind;
      auto k = deflate ? meter.next() : kind::plain;
      std::string_view payload{static_cast<const char*>(in.data().data()), in.size()};
      auto text = k == kind::plain ? ws.got_text() : k == kind::compressed_text;
      if (source)
        source->on_frames(payload, text, k != kind::plain);
      in.consume(in.size());
      // Here and at no other time: the next read holds on to the buffer from its start.
      if (in.capacity() > kept_bytes)
        in.shrink_to_fit();
    });
  }

  void end(error_code ec) {
    over = true;
    if (ec == beast::websocket::error::closed)
      ending.answer = std::move(close_frame);
    else
      ending.why = fault(ec);
  }

  void lose() {
    over = true;
    ending.lost = true;
  }

  /// A pong waits for the socket. A close frame stays here: who breaks the rules is told by us.
  void take_written() {
    told = true;
    const bool closes = !out.empty() && (out.front() & 0x0f) == 8;
    if (closes) {
      close_frame = std::move(out);
      written_size = close_frame.size();
      complete(writing, {}, written_size);
      told = false;
      return;
    }
    written_size = out.size();
    source->on_pong(out);
    out.clear();
  }

  net::io_context& io;
  message_source* source = nullptr;
  bool deflate = false;
  /// An `async_read` is under way.
  bool started = false;
  /// The source knows of the write that waits.
  bool told = false;
  bool over = false;
  net::mutable_buffer into;
  std::string out;
  std::string close_frame;
  std::size_t written_size = 0;
  message_reader::ending ending;
  frame_meter meter;
  std::shared_ptr<int> alive = std::make_shared<int>(0);
  beast::flat_buffer in;
  beast::websocket::stream<layer, false> ws;
  // After the stream, whose parts they hold: they go first.
  std::unique_ptr<waiting_op> reading;
  std::unique_ptr<waiting_op> writing;
};

message_reader::message_reader(net::io_context& io, std::size_t message_bytes)
    : stream_{std::make_unique<stream>(io, message_bytes)} {}

message_reader::~message_reader() = default;

void message_reader::lend(message_source* to, bool deflate) noexcept {
  stream_->source = to;
  stream_->deflate = deflate;
}

message_reader::state message_reader::pump() {
  auto& s = *stream_;
  while (true) {
    if (s.over)
      return state::ended;
    if (s.writing) {
      if (!s.told)
        s.take_written();
      if (s.writing)
        return state::held;
      continue;
    }
    if (s.reading) {
      const bool between = s.meter.between_messages();
      if (!s.source->wants_messages())
        return between ? state::idle : state::stopped;
      auto n = s.into.size() ? s.source->read_bytes(static_cast<char*>(s.into.data()), s.into.size()) : 0;
      if (n == wire::again)
        return between ? state::idle : state::partial;
      if (n < 0 || (n == 0 && s.into.size())) {
        s.lose();
        continue;
      }
      s.meter.feed(static_cast<unsigned char*>(s.into.data()), static_cast<std::size_t>(n), s.deflate);
      complete(s.reading, {}, static_cast<std::size_t>(n));
      continue;
    }
    if (s.started)
      return state::posted;
    if (!s.source->wants_messages())
      return state::stopped;
    s.read();
  }
}

void message_reader::written() {
  stream_->told = false;
  complete(stream_->writing, {}, stream_->written_size);
}

const message_reader::ending& message_reader::ended() const noexcept { return stream_->ending; }

std::unique_ptr<message_reader> reader_pool::take() {
  if (resting_.empty())
    return std::make_unique<message_reader>(io_, message_bytes_);
  auto reader = std::move(resting_.back());
  resting_.pop_back();
  return reader;
}

void reader_pool::give(std::unique_ptr<message_reader> reader) {
  reader->lend(nullptr, false);
  if (resting_.size() < most)
    resting_.push_back(std::move(reader));
}

} // namespace hubbub::transport
