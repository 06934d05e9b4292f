#pragma once

#include "broker/json_walker.hpp"
#include "broker/protocol.hpp"
#include "broker/protocol_envelope.hpp"

#include <vector>

namespace hubbub::broker::protocol {

/// Splits a message into envelopes. All of it is checked before anything is handed out, so that a frame that
/// is broken at its end does nothing. Keeps scratch memory; its loop only.
class message_reader {
public:
  explicit message_reader(const parse_limits& bounds) : bounds_{bounds} {}

  /// Not `ok`: nothing of the message may be done. The envelopes are valid until the next call.
  [[nodiscard]] refusal read(std::string_view message);
  [[nodiscard]] const std::vector<envelope>& envelopes() const noexcept { return envelopes_; }

private:
  using object = simdjson::ondemand::object;

  [[nodiscard]] flaw read_element(json_walker::value v);
  [[nodiscard]] flaw read_members(object& members, envelope& to);
  [[nodiscard]] flaw read_since(json_walker::value& v, envelope& to);

  parse_limits bounds_;
  json_walker walker_;
  std::vector<envelope> envelopes_;
};

} // namespace hubbub::broker::protocol
