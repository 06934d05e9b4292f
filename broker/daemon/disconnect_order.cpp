#include "broker/daemon/disconnect_order.hpp"

#include <simdjson.h>

#include <algorithm>
#include <optional>

namespace hubbub::daemon {
namespace {

using broker::errc;
using broker::refusal;
namespace dom = simdjson::dom;

/// The members that mean something.
struct members {
  std::optional<dom::element> user, session, token_id, reconnect, before;

  /// Null: a member of that name means nothing.
  std::optional<dom::element>* slot(std::string_view name) {
    if (name == "user")
      return &user;
    if (name == "session")
      return &session;
    if (name == "token_id")
      return &token_id;
    if (name == "before")
      return &before;
    return name == "reconnect" ? &reconnect : nullptr;
  }
};

refusal wrong(std::string_view field, std::string_view what) {
  return {errc::bad_command, std::string{"field `"}.append(field).append("` ").append(what)};
}

/// Not `ok`: it is no string with something in it.
refusal take_text(std::string_view field, dom::element from, std::string& to) {
  std::string_view text;
  if (from.get_string().get(text) != simdjson::SUCCESS || text.empty())
    return wrong(field, "must be a string that is not empty");
  to = text;
  return {errc::ok};
}

/// Fills in whom the order means.
refusal take_whom(const members& all, disconnect_order& to) {
  if (all.user.has_value() + all.session.has_value() + all.token_id.has_value() != 1)
    return {errc::bad_command, "exactly one of `user`, `session` and `token_id` must be there"};
  if (all.user)
    return take_text("user", *all.user, to.user);
  if (all.token_id)
    return take_text("token_id", *all.token_id, to.token_id);
  std::string_view text;
  if (all.session->get_string().get(text) == simdjson::SUCCESS)
    to.session = broker::session_id::parse(text);
  return to.session ? refusal{errc::ok}
                    : wrong("session", "must be a session as `welcome` told it: 16 hexadecimal digits");
}

} // namespace

broker::result<disconnect_order> disconnect_order::parse(std::string_view json) {
  dom::parser parser;
  dom::object object;
  if (parser.allocate(std::max<std::size_t>(json.size(), 64), 64) != simdjson::SUCCESS ||
      parser.parse(json.data(), json.size()).get_object().get(object) != simdjson::SUCCESS)
    return refusal{errc::bad_frame, "the body is not a JSON object"};
  members all;
  for (auto [name, value] : object)
    if (auto* slot = all.slot(name)) {
      if (*slot)
        return wrong(name, "is there more than once");
      *slot = value;
    }
  // Passed over, it would send away more than was meant.
  if (all.before)
    return refusal{errc::not_supported, "`before` is not offered by this version"};
  disconnect_order out;
  if (auto why = take_whom(all, out); why.code != errc::ok)
    return why;
  if (all.reconnect && all.reconnect->get_bool().get(out.reconnect) != simdjson::SUCCESS)
    return wrong("reconnect", "must be true or false");
  return out;
}

bool disconnect_order::means(broker::session_id who, const broker::identity* whose) const noexcept {
  if (session)
    return who == session;
  return whose && (user.empty() ? whose->token_id == token_id : whose->user == user);
}

std::pair<std::string_view, std::string> disconnect_order::whom() const {
  if (session)
    return {"session", session.str()};
  return user.empty() ? std::pair{"token_id", token_id} : std::pair{"user", user};
}

broker::disconnect disconnect_order::goodbye() const {
  using broker::close_code;
  if (reconnect)
    return {close_code::evicted, "disconnected by an administrator", 1000};
  return {close_code::revoked, "disconnected by an administrator"};
}

} // namespace hubbub::daemon
