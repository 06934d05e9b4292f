#pragma once

#include "broker/daemon/origin.hpp"
#include "broker/http.hpp"

#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace hubbub::daemon {

/// What the public listener answers beside WebSocket: `/healthz`, in dev mode the page, and 501 for what
/// comes later. Any thread.
class public_http final : public broker::http_handler {
public:
  public_http(const origin_rules& origins, bool page) : origins_{origins}, page_{page} {}
  /// Where the page says that one can publish. Before the first request.
  void know_admin(std::string url) { admin_url_ = std::move(url); }
  void handle(broker::http_request request, std::function<void(broker::http_response)> done) override;

private:
  [[nodiscard]] broker::http_response answer(const broker::http_request& request) const;
  /// What is at that path; nothing: 404.
  [[nodiscard]] std::optional<broker::http_response> find(const std::string& path) const;

  const origin_rules& origins_;
  bool page_;
  std::string admin_url_;
};

} // namespace hubbub::daemon
