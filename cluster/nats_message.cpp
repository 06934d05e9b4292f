#include "cluster/nats_message.hpp"

#include <charconv>

namespace hubbub::cluster {
namespace {

constexpr std::string_view version = "NATS/1.0";

std::string_view without_blanks(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

std::string_view take_line(std::string_view& rest) noexcept {
  const auto end = rest.find('\n');
  const auto line = rest.substr(0, end);
  rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  return line;
}

} // namespace

header_lines::header_lines(std::string_view raw) noexcept {
  if (!raw.starts_with(version))
    return;
  lines_ = raw;
  auto first = without_blanks(take_line(lines_).substr(version.size()));
  status_ = static_cast<int>(number_in(first.substr(0, 3)));
}

bool header_lines::take(std::string_view& rest, std::string_view& name, std::string_view& value) noexcept {
  const auto line = take_line(rest);
  const auto colon = line.find(':');
  if (colon == line.npos || colon == 0)
    return false;
  name = line.substr(0, colon);
  value = without_blanks(line.substr(colon + 1));
  return true;
}

std::string_view header_lines::first(std::string_view name) const noexcept {
  std::string_view found;
  auto there = false;
  each([&](std::string_view n, std::string_view v) {
    if (!there && n == name) {
      found = v;
      there = true;
    }
  });
  return found;
}

std::string_view header_lines::last(std::string_view name) const noexcept {
  std::string_view found;
  each([&](std::string_view n, std::string_view v) {
    if (n == name)
      found = v;
  });
  return found;
}

std::uint64_t number_in(std::string_view text) noexcept {
  std::uint64_t n = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, wrong] = std::from_chars(text.data(), end, n);
  return wrong == std::errc{} && stop == end ? n : 0;
}

std::string_view token_from_end(std::string_view subject, std::size_t n) noexcept {
  for (;; --n) {
    const auto dot = subject.rfind('.');
    if (n == 0)
      return dot == subject.npos ? subject : subject.substr(dot + 1);
    if (dot == subject.npos)
      return {};
    subject.remove_suffix(subject.size() - dot);
  }
}

} // namespace hubbub::cluster
