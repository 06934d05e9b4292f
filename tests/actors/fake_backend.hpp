#pragma once

#include "broker/backend.hpp"
#include "broker/notice.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hubbub::tests {

/// A backend that answers when the test says so.
class fake_backend final : public broker::backend {
public:
  struct asked_event {
    broker::event what;
    broker::session_id session;
    broker::backend_handler done;
  };
  struct asked_call {
    broker::backend_call what;
    broker::backend_handler done;
  };
  std::vector<asked_event> events;
  std::vector<asked_call> calls;

  void publish(broker::event e, broker::session_id session, broker::backend_handler done) override {
    events.push_back({std::move(e), session, std::move(done)});
  }
  void call(broker::backend_call what, broker::backend_handler done) override {
    calls.push_back({std::move(what), std::move(done)});
  }

  [[nodiscard]] static broker::backend_answer says(std::string data) {
    broker::backend_answer a;
    a.data = std::move(data);
    return a;
  }
  [[nodiscard]] static broker::backend_answer refuses(std::string code, std::string why) {
    broker::backend_answer a;
    a.why = {broker::errc::internal, std::move(why)};
    a.code = std::move(code);
    return a;
  }
  [[nodiscard]] static broker::backend_answer fails(broker::errc code, broker::publish_outcome outcome) {
    broker::backend_answer a;
    a.why = {code, "it failed"};
    a.outcome = outcome;
    return a;
  }
};

/// Keeps what backends are told.
class fake_notices final : public broker::notice_sink {
public:
  std::vector<broker::notice> all;
  bool wanted = true;

  [[nodiscard]] bool wants(broker::notice_kind) const noexcept override { return wanted; }
  void put(broker::notice n) override { all.push_back(std::move(n)); }

  /// Their kinds, in order.
  [[nodiscard]] std::vector<std::string_view> kinds() const {
    std::vector<std::string_view> found;
    for (const auto& n : all)
      found.push_back(broker::notice_names[static_cast<std::size_t>(n.what)]);
    return found;
  }
};

} // namespace hubbub::tests
