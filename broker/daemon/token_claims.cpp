#include "broker/daemon/token_claims.hpp"

#include "broker/daemon/right_names.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace hubbub::daemon {
namespace {

using broker::errc;
using broker::refusal;
using broker::right;
namespace dom = simdjson::dom;

refusal no(std::string why) { return {errc::unauthorized, "the token's " + std::move(why)}; }

/// The claims that count, each at most once.
struct claims {
  std::optional<dom::element> sub, exp, nbf, iat, jti, iss, aud, grants, user_info;

  std::optional<dom::element>* slot(std::string_view name) {
    const std::pair<std::string_view, std::optional<dom::element>*> slots[] = {
        {"sub", &sub}, {"exp", &exp},       {"nbf", &nbf},
        {"iat", &iat}, {"jti", &jti},       {"iss", &iss},
        {"aud", &aud}, {"grants", &grants}, {"user_info", &user_info}};
    for (const auto& [known, where] : slots)
      if (known == name)
        return where;
    return nullptr;
  }
};

/// Seconds since 1970, perhaps with a fraction, as milliseconds.
std::optional<std::int64_t> read_time(dom::element e) {
  constexpr double year_10000 = 253'402'300'800;
  double seconds = 0;
  if (e.get_double().get(seconds) != simdjson::SUCCESS || !(seconds >= 0) || seconds >= year_10000)
    return std::nullopt;
  return static_cast<std::int64_t>(std::floor(seconds * 1000));
}

/// 1 to 128 bytes without control characters.
std::optional<std::string> read_name(dom::element e) {
  std::string_view text;
  if (e.get_string().get(text) != simdjson::SUCCESS || text.empty() || text.size() > 128)
    return std::nullopt;
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    return std::nullopt;
  return std::string{text};
}

bool is_text(dom::element e, std::string_view wanted) {
  std::string_view text;
  return e.get_string().get(text) == simdjson::SUCCESS && text == wanted;
}

/// `aud` is a string or a list of them.
bool is_for(dom::element aud, std::string_view wanted) {
  dom::array all;
  if (aud.get_array().get(all) != simdjson::SUCCESS)
    return is_text(aud, wanted);
  return std::ranges::any_of(all, [&](dom::element e) { return is_text(e, wanted); });
}

refusal read_times(const claims& c, std::int64_t now_ms, broker::identity& who) {
  if (!c.exp)
    return no("expiry (exp) is missing");
  const auto expires = read_time(*c.exp);
  if (!expires)
    return no("exp is not a time in seconds");
  if (now_ms >= *expires)
    return {errc::expired, "the token has expired"};
  who.expires_ms = *expires;
  if (c.nbf) {
    const auto not_before = read_time(*c.nbf);
    if (!not_before)
      return no("nbf is not a time in seconds");
    if (now_ms < *not_before)
      return no("time has not come yet (nbf)");
  }
  if (c.iat) {
    const auto issued = read_time(*c.iat);
    if (!issued)
      return no("iat is not a time in seconds");
    who.issued_ms = *issued;
  }
  return {errc::ok};
}

refusal read_grants(dom::element e, broker::grants& into) {
  dom::object patterns;
  if (e.get_object().get(patterns) != simdjson::SUCCESS)
    return no("grants are not an object of room patterns");
  if (patterns.size() > max_grant_patterns)
    return no("grants have more than 256 room patterns");
  for (auto [key, value] : patterns) {
    auto where = broker::room_pattern::parse(key);
    if (!where)
      return no("grants have a key that is no room pattern: " + where.error().message);
    dom::array names;
    if (value.get_array().get(names) != simdjson::SUCCESS)
      return no("grants have a pattern without a list of rights");
    auto all = right::none;
    for (auto name : names) {
      std::string_view text;
      const auto one = name.get_string().get(text) == simdjson::SUCCESS ? parse_right(text) : right::none;
      if (one == right::none)
        return no("grants name a right that is none of join, publish, history, presence, call");
      all = all | one;
    }
    into.add(std::move(*where), all);
  }
  return {errc::ok};
}

} // namespace

broker::result<broker::identity> read_claims(std::string_view json, const token_rules& rules,
                                             std::int64_t now_ms) {
  dom::parser parser;
  dom::object object;
  if (parser.allocate(std::max<std::size_t>(json.size(), 64), 64) != simdjson::SUCCESS ||
      parser.parse(json.data(), json.size()).get_object().get(object) != simdjson::SUCCESS)
    return no("claims are not a JSON object");
  claims c;
  for (auto [key, value] : object) {
    if (auto* slot = c.slot(key)) {
      if (*slot)
        return no("claims have a name twice");
      *slot = value;
    }
  }

  broker::identity who;
  if (auto why = read_times(c, now_ms, who); why.code != errc::ok)
    return why;
  if (!rules.issuer.empty() && !(c.iss && is_text(*c.iss, rules.issuer)))
    return no("issuer (iss) is not the one that is trusted here");
  if (!rules.audience.empty() && !(c.aud && is_for(*c.aud, rules.audience)))
    return no("audience (aud) is not this broker");

  auto user = c.sub ? read_name(*c.sub) : std::nullopt;
  if (!user)
    return no("user (sub) is missing or not a string of 1 to 128 bytes");
  who.user = std::move(*user);
  if (c.jti) {
    auto id = read_name(*c.jti);
    if (!id)
      return no("id (jti) is not a string of 1 to 128 bytes");
    who.token_id = std::move(*id);
  }
  if (c.user_info) {
    who.user_info = simdjson::minify(*c.user_info);
    if (who.user_info.size() > max_user_info)
      return no("user_info has more than 1024 bytes");
  }
  if (c.grants)
    if (auto why = read_grants(*c.grants, who.allowed); why.code != errc::ok)
      return why;
  return who;
}

} // namespace hubbub::daemon
