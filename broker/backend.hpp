#pragma once

#include "broker/event.hpp"
#include "broker/event_bus.hpp"
#include "broker/method_name.hpp"
#include "broker/session_id.hpp"

#include <functional>
#include <memory>
#include <string>

namespace hubbub::broker {

/// What a backend said to a request, or why nobody said anything.
struct backend_answer {
  /// `ok`: the backend agreed. Else what a client is told.
  refusal why{errc::ok};
  /// Not empty: the backend refused, with this code, of which `why.code` knows nothing; `why.message` is the
  /// backend's.
  std::string code;
  /// Of a refused publish: may the backend go on with it all the same?
  publish_outcome outcome = publish_outcome::not_stored;
  /// What it said to a call: one JSON value without line breaks, or base64.
  std::string data = "null";
  data_encoding encoding = data_encoding::json;
  /// Its place among the requests that a node may have: kept until the client has its answer.
  std::shared_ptr<const void> place;
};

/// Called once, on any thread, perhaps before the request returns; must be quick.
using backend_handler = std::function<void(backend_answer)>;

/// A client's call.
struct backend_call {
  method_name method;
  /// One JSON value.
  std::string data;
  session_id session;
  /// The verified user; empty: none.
  std::string user;
};

/// The services behind the broker, which decide about what clients want. Any thread; every function returns
/// at once. A request has a deadline, and a node has so many at a time: beyond it they are refused
/// (`overloaded`).
class backend {
public:
  virtual ~backend() = default;

  /// Asks whether `e` may be published. The backend that agrees publishes it, with the same id; `e.event_id`
  /// and `e.time_ms` are set. `session` is whose it is.
  virtual void publish(event e, session_id session, backend_handler done) = 0;
  virtual void call(backend_call what, backend_handler done) = 0;
};

} // namespace hubbub::broker
