#pragma once

#include "broker/connection.hpp"
#include "broker/deflate.hpp"
#include "broker/handshake_places.hpp"
#include "broker/http.hpp"
#include "broker/timing_wheel.hpp"
#include "transport/event_loop.hpp"
#include "transport/listener.hpp"
#include "transport/message_reader.hpp"
#include "transport/pollable.hpp"
#include "transport/spare_texts.hpp"

#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <memory>
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
class lobby final : public resident, public std::enable_shared_from_this<lobby> {
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
  /// Of sessions' deadlines: thousands may wait, and nothing looks through them.
  [[nodiscard]] broker::timing_wheel& wheel() noexcept { return wheel_; }
  /// Empty; for one message.
  [[nodiscard]] std::string& scratch() noexcept;

  /// Where one more session may begin; `none`: nowhere. When all places are taken, one that has taken long
  /// goes for it.
  [[nodiscard]] broker::handshake_place place_for_newcomer();
  /// A session whose place is kept for others gets a common one; perhaps one that has taken long goes for it.
  /// False: there is none.
  [[nodiscard]] bool move_to_common(http_session& s);
  /// When whoever finds no place is to come again: not all at the same time.
  [[nodiscard]] std::uint32_t come_again_ms() const noexcept;
  /// It takes its place, if it has one.
  void enter(http_session& s);
  void give_back(broker::handshake_place place) noexcept { places_.give_back(place); }
  /// Its place is given back already.
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
  /// Tells sessions whose deadline has come: some now, the others in the turns that follow.
  void remind_some();
  /// The first of them that has taken long goes; false: nobody has.
  bool crowd_out(hooked_list<http_session>& from);

  event_loop& loop_;
  const listener_options options_;
  broker::connection_acceptor* const acceptor_;
  broker::http_handler* const http_;
  transport_counters own_counters_;
  reader_pool readers_;
  broker::inflater inflater_;
  spare_texts spare_;
  std::string scratch_;
  broker::handshake_places places_;
  broker::timing_wheel wheel_;
  /// The next turn reminds more.
  bool reminding_ = false;
  /// Those that came first are in front.
  hooked_list<http_session> sessions_;
  /// Those that began in a reserved place, and have found no common one.
  hooked_list<http_session> in_reserve_;
  hooked_list<websocket> open_;
  hooked_list<websocket> closing_;
};

} // namespace hubbub::transport
