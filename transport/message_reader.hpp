#pragma once

#include "broker/clock.hpp"
#include "broker/disconnect.hpp"
#include "transport/frame_meter.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace hubbub::transport {

/// Whom a reader is lent to.
class message_source {
public:
  /// As `wire::read`.
  [[nodiscard]] virtual std::ptrdiff_t read_bytes(char* to, std::size_t size) = 0;
  /// May messages be taken?
  [[nodiscard]] virtual bool wants_messages() const noexcept = 0;
  /// One message, whole. Text is valid UTF-8 unless it is compressed.
  virtual void on_frames(std::string_view payload, bool text, bool compressed) = 0;
  /// A pong that is to go out between two frames; `message_reader::written` when it has.
  virtual void on_pong(std::string_view frame) = 0;

protected:
  ~message_source() = default;
};

/// An open Beast stream that is bound to no socket: it reads, checks and unmasks for
/// the connection it is lent to, and only while that has an incomplete message.
/// Its loop only; not from within a call of its own.
class message_reader {
public:
  message_reader(boost::asio::io_context& io, std::size_t message_bytes);
  ~message_reader();
  message_reader(const message_reader&) = delete;
  message_reader& operator=(const message_reader&) = delete;

  /// Null takes it back. `deflate`: compressed messages are welcome.
  void lend(message_source* to, bool deflate) noexcept;

  /// Since when the message that is incomplete is, or may be: its source says it.
  broker::steady_time message_begun;

  enum class state : std::uint8_t {
    idle,    ///< between messages, with nothing buffered: may be lent to another
    partial, ///< wants more bytes
    held,    ///< a pong waits for the socket
    stopped, ///< the source wants no more messages for now
    posted,  ///< goes on when the io_context was polled
    ended,   ///< see `ended`
  };
  /// Reads until it cannot.
  [[nodiscard]] state pump();
  /// The pong has gone: `pump` goes on.
  void written();

  /// Why it reads no more.
  struct ending {
    /// The peer's bytes have ended without a close frame.
    bool lost = false;
    /// The frame that answers the peer's close frame; empty when it sent none.
    std::string answer;
    /// What the peer did wrong, if it sent no close frame.
    broker::disconnect why;
  };
  [[nodiscard]] const ending& ended() const noexcept;

private:
  struct stream;
  std::unique_ptr<stream> stream_;
};

/// Readers that rest between messages. Its loop only.
class reader_pool {
public:
  reader_pool(boost::asio::io_context& io, std::size_t message_bytes) noexcept
      : io_{io}, message_bytes_{message_bytes} {}

  [[nodiscard]] std::unique_ptr<message_reader> take();
  /// An idle one.
  void give(std::unique_ptr<message_reader> reader);

private:
  static constexpr std::size_t most = 64;

  boost::asio::io_context& io_;
  const std::size_t message_bytes_;
  std::vector<std::unique_ptr<message_reader>> resting_;
};

} // namespace hubbub::transport
