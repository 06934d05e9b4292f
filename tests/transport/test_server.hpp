#pragma once

#include "broker/clock.hpp"
#include "broker/connection.hpp"
#include "broker/http.hpp"
#include "transport/event_loop.hpp"
#include "transport/listener.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace hubbub::tests {

using namespace std::chrono_literals;

/// Polls until `done`, at most `within`.
inline bool eventually(std::chrono::milliseconds within, const std::function<bool()>& done) {
  const auto until = std::chrono::steady_clock::now() + within;
  while (!done()) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

class test_server;

/// What a test's server does with one client: it echoes, unless told otherwise in words.
class echo final : public broker::connection_handler {
public:
  explicit echo(test_server& server) : server_{server} {}
  void on_open(broker::connection& c) override;
  void on_message(std::string_view text) override;
  void on_binary() override { connection->control("binary"); }
  void on_writable() override;
  void on_control_sent() override { ++control_sent; }
  void on_closed() override;

  broker::connection* connection = nullptr;
  std::vector<std::string> messages;
  int control_sent = 0;
  int writable = 0;
  bool closed = false;
  std::function<void(echo&)> when_writable;

private:
  test_server& server_;
};

/// A loop on its own thread with one listener, and doors that a test can shut.
class test_server final : public broker::connection_acceptor, public broker::http_handler {
public:
  explicit test_server(transport::listener_options options = {}, broker::turn_phases* phases = nullptr)
      : listener{loop, std::move(options), this, this} {
    if (phases)
      loop.attach(*phases);
    if (auto opened = listener.open(); !opened)
      throw std::runtime_error{opened.error().message};
    thread = std::thread{[this] { loop.run(); }};
  }
  ~test_server() { stop(); }

  void stop() {
    if (!thread.joinable())
      return;
    loop.stop();
    thread.join();
  }

  /// Runs `job` on the loop and waits for it.
  void on_loop(std::function<void()> job) {
    std::promise<void> done;
    loop.post([&] {
      job();
      done.set_value();
    });
    done.get_future().get();
  }
  template <class T>
  T ask(std::function<T()> question) {
    T answer{};
    on_loop([&] { answer = question(); });
    return answer;
  }
  /// The `n`th client that was let in.
  std::shared_ptr<echo> client(std::size_t n = 0) {
    std::shared_ptr<echo> found;
    eventually(5s, [&] {
      on_loop([&] {
        if (n < clients.size())
          found = clients[n];
      });
      return found != nullptr;
    });
    return found;
  }
  [[nodiscard]] std::uint16_t port() const { return listener.port(); }

  broker::door_answer may_connect(std::string_view, bool) override {
    ++connecting;
    const auto what = door.load();
    return {what, what == broker::door::open ? 0 : come_again_ms()};
  }
  void disconnected(std::string_view) override { ++gone; }
  std::uint32_t come_again_ms() override { return 1000 + turned_away++ % 3 * 999; }
  broker::result<broker::admitted> admit(const broker::handshake& h, broker::loop&) override {
    shown = h;
    if (refuse)
      return *refuse;
    if (h.newcomers_wait_ms != 0 && h.ticket() != "good")
      return broker::refusal{broker::errc::overloaded, "kept for those who resume", h.newcomers_wait_ms};
    clients.push_back(std::make_shared<echo>(*this));
    return broker::admitted{clients.back(), select, deflate, put_off};
  }
  void handle(broker::http_request request, std::function<void(broker::http_response)> done) override {
    requests.push_back(request);
    if (on_request)
      return on_request(std::move(request), std::move(done));
    broker::http_response response;
    response.content_type = "text/plain";
    response.body = request.method + ' ' + request.path + '?' + request.query + ' ' + request.body;
    done(std::move(response));
  }

  broker::system_clock clock;
  transport::event_loop loop{0, clock};
  transport::listener listener;
  std::thread thread;
  std::atomic<int> connecting = 0, gone = 0, opened = 0, closed = 0;
  std::atomic<std::uint32_t> turned_away = 0;
  std::atomic<broker::door> door = broker::door::open;

  // The loop's.
  std::vector<std::shared_ptr<echo>> clients;
  broker::handshake shown;
  std::optional<broker::refusal> refuse;
  broker::errc put_off = broker::errc::ok;
  std::string select;
  bool deflate = true;
  std::vector<broker::http_request> requests;
  std::function<void(broker::http_request, std::function<void(broker::http_response)>)> on_request;
};

inline void echo::on_open(broker::connection& c) {
  connection = &c;
  ++server_.opened;
}

inline void echo::on_message(std::string_view text) {
  messages.emplace_back(text);
  if (text == "pause")
    return connection->pause_reading();
  if (text == "goodbye")
    return connection->close({broker::close_code::draining, "the node drains", 1500});
  if (text.starts_with("big "))
    return connection->control(std::string(std::stoul(std::string{text.substr(4)}), 'x'));
  connection->control(text);
}

inline void echo::on_writable() {
  ++writable;
  if (when_writable)
    when_writable(*this);
}

inline void echo::on_closed() {
  closed = true;
  connection = nullptr;
  ++server_.closed;
}

} // namespace hubbub::tests
