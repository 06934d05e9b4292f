#include "broker/revocation.hpp"

#include "broker/json_writer.hpp"

#include <simdjson.h>

#include <algorithm>
#include <optional>

namespace hubbub::broker {
namespace {

// Seconds are taken for a mistake: as milliseconds they would mean nobody.
constexpr std::int64_t year_1973_ms = 100'000'000'000;
constexpr std::int64_t year_10000_ms = 253'402'300'800'000;

using json_element = simdjson::dom::element;

/// The members that mean something.
struct order_members {
  std::optional<json_element> user, session, token_id, before, made;

  /// Null: a member of that name means nothing.
  std::optional<json_element>* slot(std::string_view name) {
    const std::pair<std::string_view, std::optional<json_element>*> slots[] = {{"user", &user},
                                                                               {"session", &session},
                                                                               {"token_id", &token_id},
                                                                               {"before", &before},
                                                                               {"made", &made}};
    for (const auto& [known, where] : slots)
      if (known == name)
        return where;
    return nullptr;
  }
};

refusal wrong_member(std::string_view field, std::string_view what) {
  return {errc::bad_command, std::string{"field `"}.append(field).append("` ").append(what)};
}

/// Not `ok`: it is no name.
refusal take_name(std::string_view field, json_element from, std::string& to) {
  std::string_view text;
  if (from.get_string().get(text) != simdjson::SUCCESS || text.empty() || text.size() > revocation::max_name)
    return wrong_member(field, "must be a string of 1 to 128 bytes");
  to = text;
  return {errc::ok};
}

refusal take_time(std::string_view field, const std::optional<json_element>& from, std::int64_t& to) {
  if (!from)
    return {errc::ok};
  if (from->get_int64().get(to) != simdjson::SUCCESS || to < year_1973_ms || to >= year_10000_ms)
    return wrong_member(field, "must be a time in milliseconds since 1970");
  return {errc::ok};
}

/// Fills in whom the order means.
refusal take_whom(const order_members& all, revocation& to) {
  if (all.user.has_value() + all.session.has_value() + all.token_id.has_value() != 1)
    return {errc::bad_command, "exactly one of `user`, `session` and `token_id` must be there"};
  if (all.user)
    return take_name("user", *all.user, to.user);
  if (all.token_id)
    return take_name("token_id", *all.token_id, to.token_id);
  std::string_view text;
  if (all.session->get_string().get(text) == simdjson::SUCCESS)
    to.session = session_id::parse(text);
  return to.session
             ? refusal{errc::ok}
             : wrong_member("session", "must be a session as `welcome` told it: 16 hexadecimal digits");
}

} // namespace

bool revocation::means(session_id who, const identity* whose) const noexcept {
  if (before_ms != 0 && !(whose && whose->issued_ms < before_ms))
    return false;
  if (session)
    return who == session;
  return whose && (user.empty() ? whose->token_id == token_id : whose->user == user);
}

std::pair<std::string_view, std::string> revocation::whom() const {
  if (session)
    return {"session", session.str()};
  return user.empty() ? std::pair{"token_id", token_id} : std::pair{"user", user};
}

result<revocation> read_revocation(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.allocate(std::max<std::size_t>(json.size(), 64), 64) != simdjson::SUCCESS ||
      parser.parse(json.data(), json.size()).get_object().get(object) != simdjson::SUCCESS)
    return refusal{errc::bad_frame, "the body is not a JSON object"};
  order_members all;
  for (auto [name, value] : object)
    if (auto* slot = all.slot(name)) {
      if (*slot)
        return wrong_member(name, "is there more than once");
      *slot = value;
    }
  revocation out;
  if (auto why = take_whom(all, out); why.code != errc::ok)
    return why;
  if (auto why = take_time("before", all.before, out.before_ms); why.code != errc::ok)
    return why;
  if (auto why = take_time("made", all.made, out.made_ms); why.code != errc::ok)
    return why;
  return out;
}

std::string write_revocation(const revocation& what) {
  std::string out;
  protocol::json_writer to{out};
  const auto [field, name] = what.whom();
  to.put("{").text(field).put(":").text(name);
  if (what.before_ms != 0)
    to.put(",\"before\":").number(what.before_ms);
  if (what.made_ms != 0)
    to.put(",\"made\":").number(what.made_ms);
  to.put("}");
  return out;
}

} // namespace hubbub::broker
