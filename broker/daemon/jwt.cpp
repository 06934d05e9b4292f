#include "broker/daemon/jwt.hpp"

#include "broker/daemon/jose_handles.hpp"

#include <simdjson.h>

#include <algorithm>
#include <optional>

namespace hubbub::daemon {
namespace {

using broker::errc;
using broker::refusal;

/// In base64; ours has 36 bytes.
constexpr std::size_t max_header = 1024;

struct parts {
  std::string_view header, payload, signature;
};

std::optional<parts> split(std::string_view token) {
  const auto first = token.find('.');
  const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
    return std::nullopt;
  return parts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1)};
}

std::optional<std::string> decode(std::string_view base64) {
  const auto size = jose_b64_dec_buf(base64.data(), base64.size(), nullptr, 0);
  if (size == SIZE_MAX)
    return std::nullopt;
  std::string out(size, '\0');
  if (jose_b64_dec_buf(base64.data(), base64.size(), out.data(), out.size()) != size)
    return std::nullopt;
  return out;
}

/// Exactly HS256, said once, and nothing that must be understood and is not (RFC 7515 section 4.1.11).
bool is_hs256(std::string_view header) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(header.data(), header.size()).get_object().get(object) != simdjson::SUCCESS)
    return false;
  int algorithms = 0;
  for (auto [key, value] : object) {
    std::string_view text;
    if (key == "crit")
      return false;
    if (key == "alg" &&
        (value.get_string().get(text) != simdjson::SUCCESS || text != "HS256" || ++algorithms > 1))
      return false;
  }
  return algorithms == 1;
}

bool is_signed_by(const signing_key& key, const json_t* jws) {
  const auto cfg = quiet_jose();
  return cfg && jose_jws_ver(cfg.get(), jws, nullptr, key.jwk(), false);
}

} // namespace

broker::result<broker::identity> jwt_authenticator::verify(std::string_view token) const {
  if (token.size() > max_size)
    return refusal{errc::unauthorized, "the token has more than 16384 bytes"};
  const auto all = split(token);
  const auto header = all && all->header.size() <= max_header ? decode(all->header) : std::nullopt;
  if (!header)
    return refusal{errc::unauthorized, "the token is not a JWT"};
  if (!is_hs256(*header))
    return refusal{errc::unauthorized, "the token is not signed with HS256"};

  const json_ptr jws{json_pack("{s:s%,s:s%,s:s%}", "protected", all->header.data(), all->header.size(),
                               "payload", all->payload.data(), all->payload.size(), "signature",
                               all->signature.data(), all->signature.size())};
  const bool fits =
      jws && std::ranges::any_of(keys_, [&](const signing_key& key) { return is_signed_by(key, jws.get()); });
  if (!fits)
    return refusal{errc::unauthorized, "the token's signature does not fit"};
  // Not before: what a stranger wrote is not worth decoding.
  const auto payload = decode(all->payload);
  if (!payload)
    return refusal{errc::unauthorized, "the token is not a JWT"};
  return read_claims(*payload, rules_, time_.unix_ms());
}

} // namespace hubbub::daemon
