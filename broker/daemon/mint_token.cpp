#include "broker/daemon/jose_handles.hpp"
#include "broker/daemon/jwt.hpp"
#include "broker/daemon/right_names.hpp"

namespace hubbub::daemon {
namespace {

using broker::errc;
using broker::refusal;

json_ptr claims_of(const token_request& what, std::int64_t now_ms) {
  json_ptr claims{json_object()};
  const auto put = [&](const char* name, json_ptr value) {
    if (!value || json_object_set_new(claims.get(), name, value.release()) != 0)
      claims.reset();
    return claims != nullptr;
  };
  const auto put_text = [&](const char* name, const std::string& text) {
    return text.empty() || put(name, json_text(text));
  };
  json_ptr grants{json_object()};
  for (const auto& [where, allowed] : what.grants) {
    json_ptr list{json_array()};
    for (const auto& [name, one] : right_names)
      if (has(allowed, one))
        json_array_append_new(list.get(), json_stringn(name.data(), name.size()));
    json_object_set_new(grants.get(), where.str().c_str(), list.release());
  }
  const auto seconds = now_ms / 1000;
  const auto lives = (what.lives.count() + 999) / 1000;
  const bool done =
      put_text("iss", what.issuer) && put_text("aud", what.audience) && put_text("sub", what.user) &&
      put("iat", json_ptr{json_integer(seconds)}) && put("exp", json_ptr{json_integer(seconds + lives)}) &&
      put_text("jti", what.token_id) &&
      (what.user_info.empty() ||
       put("user_info", json_ptr{json_loadb(what.user_info.data(), what.user_info.size(),
                                            JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, nullptr)})) &&
      put("grants", std::move(grants));
  return done ? std::move(claims) : nullptr;
}

std::string dumped(const json_t* j) {
  const std::unique_ptr<char, decltype(&free)> text{json_dumps(j, JSON_COMPACT), &free};
  return text ? text.get() : "";
}

} // namespace

broker::result<std::string> mint_token(const signing_key& key, const token_request& what,
                                       std::int64_t now_ms) {
  const auto claims = claims_of(what, now_ms);
  if (!claims)
    return refusal{errc::bad_command, "the user, the ids must be UTF-8 and the user_info one JSON value"};
  const auto json = dumped(claims.get());
  // What we would refuse ourselves must not leave the house.
  if (auto who = read_claims(json, {}, now_ms); !who)
    return refusal{errc::bad_command, who.error().message};

  const auto cfg = quiet_jose();
  const json_ptr jws{json_pack("{s:o}", "payload", jose_b64_enc(json.data(), json.size()))};
  json_ptr header{json_pack("{s:{s:s,s:s}}", "protected", "alg", "HS256", "typ", "JWT")};
  const char *head = nullptr, *body = nullptr, *signature = nullptr;
  if (!cfg || !jws || !header || !jose_jws_sig(cfg.get(), jws.get(), header.get(), key.jwk()) ||
      json_unpack(jws.get(), "{s:s,s:s,s:s}", "protected", &head, "payload", &body, "signature",
                  &signature) != 0)
    return refusal{errc::internal, "the token could not be signed"};
  return std::string{head} + "." + body + "." + signature;
}

} // namespace hubbub::daemon
