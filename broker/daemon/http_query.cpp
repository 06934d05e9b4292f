#include "broker/daemon/http_query.hpp"

#include "transport/http_text.hpp"

#include <algorithm>
#include <charconv>

namespace hubbub::daemon {
namespace {

/// Takes what stands before `mark` off the front, and the mark.
std::string_view take(std::string_view& text, char mark) {
  const auto part = text.substr(0, text.find(mark));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

std::optional<std::string> decode_form(std::string_view text) {
  std::string spaced{text};
  std::ranges::replace(spaced, '+', ' ');
  return transport::percent_decode(spaced);
}

} // namespace

std::optional<query_parameters> query_parameters::parse(std::string_view query) {
  constexpr std::size_t most = 64;
  query_parameters out;
  while (!query.empty()) {
    auto value = take(query, '&');
    if (value.empty())
      continue;
    auto name = decode_form(take(value, '='));
    auto decoded = decode_form(value);
    if (!name || !decoded || out.find(*name) || out.all_.size() == most)
      return std::nullopt;
    out.all_.emplace_back(std::move(*name), std::move(*decoded));
  }
  return out;
}

const std::string* query_parameters::find(std::string_view name) const {
  auto it = std::ranges::find(all_, name, &std::pair<std::string, std::string>::first);
  return it == all_.end() ? nullptr : &it->second;
}

std::optional<std::uint64_t> query_parameters::number(std::string_view name, std::uint64_t otherwise) const {
  const auto* text = find(name);
  if (!text)
    return otherwise;
  std::uint64_t out = 0;
  const auto* last = text->data() + text->size();
  const auto [end, failed] = std::from_chars(text->data(), last, out);
  if (failed != std::errc{} || end != last)
    return std::nullopt;
  return out;
}

std::optional<std::vector<std::string>> match_path(std::string_view pattern, std::string_view path) {
  std::vector<std::string> out;
  // A slash at the end must be in both.
  if (std::ranges::count(pattern, '/') != std::ranges::count(path, '/'))
    return std::nullopt;
  for (auto left = std::ranges::count(pattern, '/') + 1; left > 0; --left) {
    const auto wanted = take(pattern, '/');
    const auto part = take(path, '/');
    if (wanted != "{}") {
      if (wanted != part)
        return std::nullopt;
      continue;
    }
    auto decoded = transport::percent_decode(part);
    if (!decoded || decoded->empty())
      return std::nullopt;
    out.push_back(std::move(*decoded));
  }
  return out;
}

} // namespace hubbub::daemon
