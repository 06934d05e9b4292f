#pragma once

#include "broker/backend.hpp"
#include "cluster/nats_link.hpp"
#include "cluster/nats_message.hpp"

#include <cstddef>
#include <cstdint>

namespace hubbub::cluster {

/// What became of a request to a backend, as it is counted.
enum class request_outcome : std::uint8_t {
  ok,
  /// The backend said no.
  refused,
  /// Nobody listens.
  nobody,
  /// No answer came in time.
  timeout,
  /// The connection to NATS broke while it waited.
  lost,
  /// It never left.
  not_sent,
  /// Its answer is not understood, or larger than is allowed.
  bad_answer,
  /// The node had as many as it may have.
  overloaded,
};
inline constexpr std::size_t request_outcomes = 8;
/// In their order.
inline constexpr const char* request_outcome_names[request_outcomes] = {
    "ok", "refused", "nobody", "timeout", "lost", "not_sent", "bad_answer", "overloaded"};

/// Has a backend agreed? A refusal stands in the header `Hubbub-Error` (a code, a blank, a sentence) or in
/// those of NATS' services API. What is not understood is told to the client as `unavailable`, and
/// `to.outcome` is `unknown` then, as it is when the backend's own code is
/// `unavailable`, `timeout` or `internal`: it may have published, and not have heard that it did.
[[nodiscard]] request_outcome read_verdict(const nats_message& from, broker::backend_answer& to);
/// The same, and what it said: its payload. One of more than `most_bytes` is told as `too_large`.
[[nodiscard]] request_outcome read_answer(const nats_message& from, std::size_t most_bytes,
                                          broker::backend_answer& to);

} // namespace hubbub::cluster
