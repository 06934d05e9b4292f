#include "broker/daemon/log_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace hubbub::daemon {
namespace {

using broker::log_field;

constexpr std::array<std::string_view, 5> level_names{"debug", "info", "warn", "error", "off"};

std::string_view level_name(broker::log_level level) { return level_names[static_cast<std::size_t>(level)]; }

/// Bytes of the well-formed UTF-8 sequence at the front of `text` (RFC 3629); 0: there is none.
std::size_t sequence_size(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i, unsigned least = 0x80, unsigned most = 0xbf) {
    return at(i) >= least && at(i) <= most;
  };
  const auto lead = at(0);
  if (lead < 0x80)
    return 1;
  if (lead >= 0xc2 && lead <= 0xdf)
    return follows(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef)
    return follows(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf) && follows(2) ? 3 : 0;
  if (lead >= 0xf0 && lead <= 0xf4)
    return follows(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf) && follows(2) && follows(3) ? 4
                                                                                                          : 0;
  return 0;
}

void append_escape(std::string& out, unsigned char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  switch (c) {
  case '\n':
    out += "\\n";
    return;
  case '\r':
    out += "\\r";
    return;
  case '\t':
    out += "\\t";
    return;
  default:
    out += "\\u00";
    out += digits[c >> 4];
    out += digits[c & 15];
  }
}

bool is_control(unsigned char c) { return c < 0x20 || c == 0x7f; }

/// Text of a person's line: control characters are escaped, so that nobody can forge a line or
/// speak to the terminal.
void append_line_text(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text[0]);
    auto size = sequence_size(text);
    const bool c1 = size == 2 && c == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
    if (size == 0 || c1)
      out += "\xef\xbf\xbd";
    else if (is_control(c))
      append_escape(out, c);
    else
      out.append(text.substr(0, size));
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
}

void append_line_value(std::string& out, std::string_view text) {
  const bool plain = !text.empty() && text.find_first_of(" =\"\\") == std::string_view::npos;
  if (plain)
    return append_line_text(out, text);
  std::string quoted;
  for (char c : text) {
    if (c == '"' || c == '\\')
      quoted += '\\';
    quoted += c;
  }
  out += '"';
  append_line_text(out, quoted);
  out += '"';
}

template <class T>
void append_number(std::string& out, T number) {
  char digits[32];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

/// Calls `text` for a string, and appends everything else as JSON and people both write it.
template <class Text>
void append_value(std::string& out, const log_field::value_type& value, Text text) {
  if (const auto* s = std::get_if<std::string_view>(&value))
    text(out, *s);
  else if (const auto* b = std::get_if<bool>(&value))
    out += *b ? "true" : "false";
  else if (const auto* i = std::get_if<std::int64_t>(&value))
    append_number(out, *i);
  else if (const auto* u = std::get_if<std::uint64_t>(&value))
    append_number(out, *u);
  else if (const auto* d = std::get_if<double>(&value); d && std::isfinite(*d))
    append_number(out, *d);
  else
    out += "null"; // JSON has no infinity
}

} // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text[0]);
    const auto size = sequence_size(text);
    if (size == 0)
      out += "\xef\xbf\xbd";
    else if (is_control(c))
      append_escape(out, c);
    else if (c == '"' || c == '\\')
      out.append("\\").append(1, text[0]);
    else
      out.append(text.substr(0, size));
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  out += '"';
}

void append_human(std::string& out, const broker::log_entry& entry) {
  const auto level = level_name(entry.level);
  out.append(level).append(6 - level.size(), ' ');
  append_line_text(out, entry.component);
  out += ": ";
  append_line_text(out, entry.message);
  for (const auto& field : entry.fields) {
    out += ' ';
    append_line_text(out, field.key);
    out += '=';
    append_value(out, field.value, append_line_value);
  }
}

void append_json(std::string& out, const broker::log_entry& entry) {
  constexpr std::array<std::string_view, 4> taken{"time", "level", "component", "message"};
  out.append(R"("level":")").append(level_name(entry.level)).append(R"(","component":)");
  append_json_string(out, entry.component);
  out += R"(,"message":)";
  append_json_string(out, entry.message);
  for (const auto& field : entry.fields) {
    out += ',';
    std::string key{field.key};
    if (std::ranges::find(taken, field.key) != taken.end())
      key += '_';
    append_json_string(out, key);
    out += ':';
    append_value(out, field.value, append_json_string);
  }
}

} // namespace hubbub::daemon
