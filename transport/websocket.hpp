#pragma once

#include "broker/connection.hpp"
#include "transport/control_lane.hpp"
#include "transport/lobby.hpp"
#include "transport/message_reader.hpp"
#include "transport/pollable.hpp"
#include "transport/visit.hpp"
#include "transport/wire.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace hubbub::transport {

/// One client's WebSocket: the write layer, and a reader while a message is incomplete.
/// Its loop only. Owned by its lobby, which deletes it at the end of the turn in which it closed.
class websocket final : public broker::connection, public pollable, public hook, private message_source {
public:
  websocket(lobby& home, wire socket, visit guest, std::shared_ptr<broker::connection_handler> handler,
            broker::wire_format format);

  /// Once: takes over the socket's events and tells the handler. `response` is the 101 that
  /// goes out first; `early` came in behind the request.
  void open(std::string_view response, std::string early);
  /// Closes the socket at once; the handler hears of it at the turn's end.
  void drop();
  /// The time by which a closing socket is dropped.
  [[nodiscard]] broker::steady_time deadline() const noexcept { return deadline_; }

  // broker::connection
  void control(std::string_view message) override;
  void control_frame(std::string_view frame) override;
  [[nodiscard]] std::size_t write(std::span<const std::string_view> slices) override;
  void keep(std::string_view rest) override;
  [[nodiscard]] std::size_t control_bytes() const noexcept override { return lane_.size() - kept_; }
  [[nodiscard]] std::size_t unsent_bytes() const noexcept override;
  [[nodiscard]] std::chrono::milliseconds unacknowledged_for() const noexcept override {
    return wire_.unacknowledged_for();
  }
  void close(const broker::disconnect& why) override;
  void pause_reading() override { paused_ = true; }
  void resume_reading() override;
  [[nodiscard]] broker::steady_time last_received() const noexcept override { return last_received_; }
  [[nodiscard]] broker::steady_time last_sent() const noexcept override { return last_sent_; }
  [[nodiscard]] broker::wire_format format() const noexcept override { return format_; }
  [[nodiscard]] std::string_view remote_address() const noexcept override { return guest_.address(); }

  // pollable
  void on_ready(std::uint32_t events) override;
  void on_again() override;
  void on_flush() override;
  void on_buried() override;

private:
  enum class phase : std::uint8_t {
    open,
    closing,   ///< the lane and the close frame leave
    lingering, ///< all has left: waits for the peer's end
    dead,
  };

  // message_source
  std::ptrdiff_t read_bytes(char* to, std::size_t size) override;
  bool wants_messages() const noexcept override { return phase_ == phase::open && !paused_; }
  void on_frames(std::string_view payload, bool text, bool compressed) override;
  void on_pong(std::string_view frame) override;

  void pump();
  void finish_reading();
  void discard();
  void begin_closing();

  [[nodiscard]] bool room_for_more();
  void send_lane();
  void release_kept(std::size_t n) noexcept;
  void took(std::ptrdiff_t n, std::size_t asked);
  void settle();
  void ask_flush();
  void ask_again();
  void rearm();
  [[nodiscard]] bool all_gone() const noexcept { return lane_.empty() && !wire_.owes(); }

  lobby& home_;
  wire wire_;
  control_lane lane_;
  std::unique_ptr<message_reader> reader_;
  /// What came in behind the upgrade's request.
  std::unique_ptr<std::string> early_;
  std::shared_ptr<broker::connection_handler> handler_;
  broker::steady_time last_received_;
  broker::steady_time last_sent_;
  broker::steady_time deadline_;
  std::uint32_t armed_ = 0;
  /// Of the lane's bytes, the first: what is left of a torn event. It is charged to the tapes' budget and not
  /// to the answers'.
  std::uint32_t kept_ = 0;
  /// Bytes that may be read before the others have their turn.
  std::uint32_t budget_ = 0;
  /// What our close frame says.
  std::uint16_t close_code_ = 0;
  /// Bytes written since the kernel said that the peer has them all; what does not fit is left out.
  mutable std::uint16_t unconfirmed_ = std::numeric_limits<std::uint16_t>::max();
  phase phase_ = phase::open;
  const broker::wire_format format_;
  bool paused_ = false;
  bool full_ = false;       ///< the socket takes nothing for now
  bool unblocked_ = false;  ///< the handler waits for on_writable
  bool lane_waits_ = false; ///< the handler waits for on_control_sent
  bool pong_waits_ = false; ///< the reader waits for its pong to leave
  bool asked_flush_ = false;
  bool asked_again_ = false;
  bool listening_ = true; ///< for readability
  bool drained_ = false;  ///< the socket had less than was asked for
  bool more_ = false;     ///< the budget is used up
  bool peer_done_ = false;
  visit guest_;
};

} // namespace hubbub::transport
