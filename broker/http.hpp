#pragma once

#include "broker/errc.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// HTTP, as the program's routes see it; `transport` speaks it.
namespace hubbub::broker {

struct http_request {
  std::string method;
  /// Without the query, percent-encoded as it came.
  std::string path;
  /// What follows `?`, as it came.
  std::string query;
  std::string authorization;
  std::string host;
  std::string origin;
  std::string content_type;
  std::string body;
  std::string remote_address;
};

struct http_response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// Answers requests of one listener. Called on the loop of the request's socket.
class http_handler {
public:
  virtual ~http_handler() = default;
  /// Calls `done` once, on any thread, perhaps before it returns.
  virtual void handle(http_request request, std::function<void(http_response)> done) = 0;
};

} // namespace hubbub::broker
