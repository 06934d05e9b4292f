#pragma once

#include "broker/connection.hpp"
#include "broker/deflate.hpp"
#include "broker/http.hpp"
#include "transport/event_loop.hpp"
#include "transport/listener.hpp"
#include "transport/message_reader.hpp"
#include "transport/pollable.hpp"
#include "transport/spare_texts.hpp"

#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <string>

namespace hubbub::transport {

class http_session;
class websocket;

using hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
template <class T>
using hooked_list =
    boost::intrusive::list<T, boost::intrusive::base_hook<hook>, boost::intrusive::constant_time_size<false>>;

/// All who came in through one listener, and what they share. Its loop only; it must
/// not go before they have.
class lobby final : public resident {
public:
  lobby(event_loop& at, listener_options options, broker::connection_acceptor* acceptor,
        broker::http_handler* http);
  ~lobby();
  lobby(const lobby&) = delete;
  lobby& operator=(const lobby&) = delete;

  [[nodiscard]] event_loop& loop() noexcept { return loop_; }
  [[nodiscard]] const listener_options& options() const noexcept { return options_; }
  [[nodiscard]] broker::connection_acceptor* acceptor() const noexcept { return acceptor_; }
  [[nodiscard]] broker::http_handler* http() const noexcept { return http_; }
  [[nodiscard]] transport_counters& counters() noexcept {
    return options_.counters ? *options_.counters : own_counters_;
  }
  [[nodiscard]] reader_pool& readers() noexcept { return readers_; }
  [[nodiscard]] broker::inflater& inflater() noexcept { return inflater_; }
  [[nodiscard]] spare_texts& spare() noexcept { return spare_; }
  /// Empty; for one message.
  [[nodiscard]] std::string& scratch() noexcept;

  /// May one more session begin? When there are as many as may be, one that has taken long goes for it.
  [[nodiscard]] bool has_place();
  void enter(http_session& s);
  /// When whoever finds no place is to come again: not all at the same time.
  [[nodiscard]] std::uint32_t come_again_ms() const noexcept;
  /// A session that has entered is only told that it may not: it takes nobody's place.
  void turning_away() noexcept;
  void leave(http_session& s) noexcept;
  void enter(websocket& w);
  /// It will be told of its deadline.
  void closing(websocket& w);
  /// Deletes it.
  void leave(websocket& w) noexcept;

  void say_goodbye(const broker::disconnect& why);

  void on_tick(broker::steady_time now) override;
  void on_stop() override;

private:
  void drop_all();

  event_loop& loop_;
  const listener_options options_;
  broker::connection_acceptor* const acceptor_;
  broker::http_handler* const http_;
  transport_counters own_counters_;
  reader_pool readers_;
  broker::inflater inflater_;
  spare_texts spare_;
  std::string scratch_;
  /// Those that came first are in front.
  hooked_list<http_session> sessions_;
  /// Those of them that are not being turned away.
  std::uint32_t places_taken_ = 0;
  hooked_list<websocket> open_;
  hooked_list<websocket> closing_;
};

} // namespace hubbub::transport
