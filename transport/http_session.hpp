#pragma once

#include "broker/connection.hpp"
#include "broker/handshake_places.hpp"
#include "broker/http.hpp"
#include "broker/timing_wheel.hpp"
#include "transport/http_text.hpp"
#include "transport/lobby.hpp"
#include "transport/pollable.hpp"
#include "transport/visit.hpp"
#include "transport/wire.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace hubbub::transport {

/// A socket that speaks HTTP/1.1, perhaps until it is upgraded: one request at a time,
/// each bounded in size and time. Its loop only. It owns itself until the turn in which it ends.
class http_session final : public pollable, public hook, public std::enable_shared_from_this<http_session> {
public:
  /// Of its deadline.
  struct reminder : broker::timer_node {
    http_session* whom = nullptr;
  };
  /// Begins to serve `socket`, which has got `place`.
  static void serve(lobby& home, wire socket, visit guest, broker::handshake_place place);
  /// Answers before anything was asked, with TLS as soon as it has shaken hands, and closes.
  static void turn_away(lobby& home, wire socket, const broker::refusal& why);

  http_session(lobby& home, wire socket, visit guest, broker::handshake_place place);
  ~http_session();

  /// Closes the socket at once.
  void drop();
  /// Closes when nothing is being asked.
  void end_when_idle();
  /// Its deadline has come.
  void on_late();
  [[nodiscard]] bool is_turned_away() const noexcept { return turned_away_; }
  /// `none`: it is only turned away, or is over.
  [[nodiscard]] broker::handshake_place place() const noexcept { return place_; }
  /// Gives the one that it has back; the other is taken already.
  void move_to(broker::handshake_place place) noexcept;
  /// Has it waited so long for what its peer does next that others may have its place?
  [[nodiscard]] bool gives_way(broker::steady_time now) const noexcept;

  void on_ready(std::uint32_t events) override;
  void on_again() override;
  void on_buried() override;

private:
  enum class phase : std::uint8_t { reading, handling, answering, lingering, dead };
  struct parser;

  [[nodiscard]] bool start(std::uint32_t events);
  void read();
  void process();
  /// False: it needs more bytes, or refuses more.
  [[nodiscard]] bool parse();
  void dispatch();
  /// For a request that shows no ticket: 0, or its place is kept for those that do and there is no other; it
  /// may come again after so many milliseconds.
  [[nodiscard]] std::uint32_t needs_a_place();
  void forget_request();
  /// Says what it is turned away with, if it can be said now. False: not yet, or there is nothing to say.
  [[nodiscard]] bool say_no();
  void upgrade();
  void handle();
  void answer(const broker::http_response& response);
  void refuse(const broker::http_response& response);
  void send();
  void sent();
  void linger();
  void discard();
  void ask_again();
  void end_by(broker::steady_time deadline);
  void rearm();

  lobby& home_;
  wire wire_;
  visit guest_;
  std::shared_ptr<http_session> self_;
  std::unique_ptr<parser> parser_;
  /// What it is turned away with behind the TLS handshake that is under way.
  std::unique_ptr<broker::http_response> no_;
  std::string in_;
  std::string out_;
  std::size_t gone_ = 0;
  reminder reminder_;
  /// Since when it waits for its peer: for a request, or the rest of one, or until an answer is taken.
  broker::steady_time since_;
  /// When it came.
  broker::steady_time came_ = since_;
  /// It has got an answer.
  bool served_ = false;
  std::uint32_t armed_ = 0;
  broker::handshake_place place_;
  phase phase_ = phase::reading;
  bool keep_alive_ = true;
  bool head_ = false;
  bool full_ = false;
  bool listening_ = true;
  bool asked_again_ = false;
  bool processing_ = false;
  bool continued_ = false;
  bool turned_away_ = false;
  /// Between two requests.
  bool idle_ = false;
};

} // namespace hubbub::transport
