#pragma once

#include "actors/messages.hpp"
#include "broker/event_bus.hpp"
#include "broker/http.hpp"

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace hubbub::daemon {

/// One `POST /v1/publish`: its events, and what became of each. Answers once: when all is known,
/// when it is given up, or when nobody is left who could answer (a room crashed, the node ends):
/// who owes an answer holds a reference. Any thread.
class publish_request {
public:
  using answerer = std::function<void(broker::http_response)>;
  /// `single`: one event, not a list of them.
  publish_request(bool single, std::size_t events, answerer done);
  ~publish_request();
  publish_request(const publish_request&) = delete;
  publish_request& operator=(const publish_request&) = delete;

  /// What is known before anybody was asked. Call for each event that goes out, before it does.
  void note(std::size_t event, std::string event_id, bool live);

  /// Event number `event` was not understood.
  void refused(std::size_t event, broker::refusal why) { settle(event, std::move(why)); }
  /// No room took it.
  void not_taken(std::size_t event, broker::refusal why);
  void answered(actors::answer& a);
  /// Whatever is not known by now will not be.
  void give_up(std::string_view why);

private:
  using outcome = std::variant<std::monostate, broker::refusal, broker::publish_refused, broker::stored>;
  struct row {
    std::string event_id;
    bool live = false;
    outcome what;
  };
  void settle(std::size_t event, outcome what);
  [[nodiscard]] broker::http_response response() const;

  const bool single_;
  std::mutex mutex_;
  std::vector<row> rows_;
  std::size_t missing_;
  answerer done_;
};

} // namespace hubbub::daemon
