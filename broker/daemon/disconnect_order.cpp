#include "broker/daemon/disconnect_order.hpp"

#include <simdjson.h>

#include <utility>

namespace hubbub::daemon {
namespace {

using broker::errc;
using broker::refusal;

/// Fills in what is left out by default. Not `ok`: it is there and no flag, or twice.
refusal take_reconnect(std::string_view json, bool& to) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(json.data(), json.size()).get_object().get(object) != simdjson::SUCCESS)
    return {errc::bad_frame, "the body is not a JSON object"};
  auto seen = false;
  for (auto [name, value] : object) {
    if (name != "reconnect")
      continue;
    if (std::exchange(seen, true))
      return {errc::bad_command, "field `reconnect` is there more than once"};
    if (value.get_bool().get(to) != simdjson::SUCCESS)
      return {errc::bad_command, "field `reconnect` must be true or false"};
  }
  return {errc::ok};
}

} // namespace

broker::result<disconnect_order> disconnect_order::parse(std::string_view json) {
  auto whom = broker::read_revocation(json);
  if (!whom)
    return whom.error();
  disconnect_order out;
  out.whom = std::move(*whom);
  if (auto why = take_reconnect(json, out.reconnect); why.code != errc::ok)
    return why;
  return out;
}

broker::disconnect disconnect_order::goodbye() const {
  using broker::close_code;
  if (reconnect)
    return {close_code::evicted, "disconnected by an administrator", 1000};
  return {close_code::revoked, "disconnected by an administrator"};
}

} // namespace hubbub::daemon
