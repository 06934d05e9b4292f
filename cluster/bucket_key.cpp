#include "cluster/bucket_key.hpp"

#include "cluster/base64.hpp"

#include <utility>

namespace hubbub::cluster {
namespace {

std::string with_letters(std::string text, std::string_view from, std::string_view to) {
  for (auto& c : text)
    if (const auto i = from.find(c); i != from.npos)
      c = to[i];
  return text;
}

} // namespace

std::string bucket_key(const broker::revocation& what) {
  const auto [kind, name] = what.whom();
  auto key = std::string{kind} + '.';
  return what.session ? key + name : key + with_letters(to_base64(name), "+/", "-_");
}

std::optional<broker::revocation> from_bucket_key(std::string_view key) {
  const auto dot = key.find('.');
  if (dot == key.npos)
    return std::nullopt;
  const auto kind = key.substr(0, dot);
  const auto name = key.substr(dot + 1);
  broker::revocation r;
  if (kind == "session") {
    r.session = broker::session_id::parse(name);
    return r.session ? std::optional{r} : std::nullopt;
  }
  auto text = from_base64(with_letters(std::string{name}, "-_", "+/"));
  if (!text || text->empty() || (kind != "user" && kind != "token_id"))
    return std::nullopt;
  (kind == "user" ? r.user : r.token_id) = std::move(*text);
  return r;
}

} // namespace hubbub::cluster
