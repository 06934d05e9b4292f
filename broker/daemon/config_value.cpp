#include "broker/daemon/config_value.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace hubbub::daemon {
namespace {

using std::chrono::milliseconds;

constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> units{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

std::string quoted_briefly(std::string_view text) {
  constexpr std::size_t most = 60;
  std::string out = "\"";
  for (char c : text.substr(0, most))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + (text.size() > most ? "…\"" : "\"");
}

std::string integer_words(range bounds) {
  if (bounds.most == std::numeric_limits<std::uint32_t>::max() && bounds.least <= 1)
    return bounds.least == 1 ? "a positive integer" : "an integer of 0 or more";
  return "an integer from " + std::to_string(bounds.least) + " to " + std::to_string(bounds.most);
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j)
    row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

} // namespace

std::string given_value::shown() const {
  struct {
    std::string operator()(const other_value& o) const { return o.what; }
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(std::int64_t n) const { return std::to_string(n); }
    std::string operator()(double d) const {
      char text[32];
      return {text, std::to_chars(text, text + sizeof text, d).ptr};
    }
    std::string operator()(const std::string& s) const { return quoted_briefly(s); }
    std::string operator()(const text_list&) const { return "a list"; }
  } show;
  return std::visit(show, what);
}

complaint expected(std::string_view what, const given_value& got) {
  return "expected " + std::string{what} + ", got " + got.shown();
}

complaint read_integer(const given_value& v, std::uint64_t& out, range bounds) {
  std::int64_t number = -1;
  if (const auto* n = std::get_if<std::int64_t>(&v.what)) {
    number = *n;
  } else if (const auto* text = std::get_if<std::string>(&v.what); text && v.is_plain_text) {
    const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (failed != std::errc{} || end != text->data() + text->size())
      number = -1;
  }
  if (number < 0 || static_cast<std::uint64_t>(number) < bounds.least ||
      static_cast<std::uint64_t>(number) > bounds.most)
    return expected(integer_words(bounds), v);
  out = static_cast<std::uint64_t>(number);
  return {};
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  std::int64_t number = -1;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || number < 0)
    return std::nullopt;
  const auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const auto& [name, factor] : units)
    if (unit == name && number <= std::numeric_limits<std::int64_t>::max() / factor)
      return milliseconds{number * factor};
  return std::nullopt;
}

std::string show_duration(milliseconds d) {
  for (const auto& [name, factor] : units)
    if (d.count() != 0 && d.count() % factor == 0)
      return std::to_string(d.count() / factor) + std::string{name};
  return std::to_string(d.count()) + "ms";
}

complaint read(const given_value& v, milliseconds& out, milliseconds least, milliseconds most) {
  const auto* text = std::get_if<std::string>(&v.what);
  const auto parsed = text ? parse_duration(*text) : std::nullopt;
  if (!parsed)
    return expected("a duration such as \"10s\" (units: ms s m h d)", v);
  if (*parsed < least || *parsed > most)
    return expected("a duration from " + show_duration(least) + " to " + show_duration(most), v);
  out = *parsed;
  return {};
}

complaint read(const given_value& v, bool& out) {
  const auto* text = std::get_if<std::string>(&v.what);
  if (const auto* b = std::get_if<bool>(&v.what))
    out = *b;
  else if (text && v.is_plain_text && (*text == "true" || *text == "1"))
    out = true;
  else if (text && v.is_plain_text && (*text == "false" || *text == "0"))
    out = false;
  else
    return expected("true or false", v);
  return {};
}

complaint read(const given_value& v, std::string& out) {
  const auto* text = std::get_if<std::string>(&v.what);
  if (!text)
    return expected("a string", v);
  if (std::ranges::any_of(*text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
    return expected("a string without control characters", v);
  out = *text;
  return {};
}

complaint read(const given_value& v, text_list& out) {
  if (const auto* list = std::get_if<text_list>(&v.what)) {
    out = *list;
    return {};
  }
  const auto* text = std::get_if<std::string>(&v.what);
  if (!text || !v.is_plain_text)
    return expected("a list of strings", v);
  out.clear();
  for (std::string_view rest = *text; !rest.empty();) {
    const auto comma = std::min(rest.find(','), rest.size());
    auto item = rest.substr(0, comma);
    while (item.starts_with(' '))
      item.remove_prefix(1);
    while (item.ends_with(' '))
      item.remove_suffix(1);
    if (!item.empty())
      out.emplace_back(item);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return {};
}

std::string choices_text(const text_list& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0)
      out += i + 1 == names.size() ? " or " : ", ";
    out += '"' + names[i] + '"';
  }
  return out;
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known) {
  std::string_view best;
  std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
  if (word.size() <= 3)
    least = 2;
  for (auto candidate : known) {
    if (const auto d = edit_distance(word, candidate); d < least) {
      least = d;
      best = candidate;
    }
  }
  return best;
}

} // namespace hubbub::daemon
