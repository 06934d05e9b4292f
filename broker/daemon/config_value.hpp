#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// Values as people wrote them, and how they are read. Every `read` returns an
/// empty text, or what was expected and what came instead.
namespace hubbub::daemon {

/// What is wrong with a value: `expected a positive integer, got "many"`. Empty: nothing.
using complaint = std::string;
using text_list = std::vector<std::string>;

/// What is none of the types that keys have.
struct other_value {
  /// `a table`, `a date`.
  std::string what;
};

/// The value of a key, from a TOML file or, as text, from a variable or a flag.
struct given_value {
  std::variant<other_value, bool, std::int64_t, double, std::string, text_list> what;
  /// All of it is one string: numbers stand in it as digits, lists with commas.
  bool is_plain_text = false;

  [[nodiscard]] static given_value text(std::string value) { return {std::move(value), true}; }
  /// For a complaint; strings stand in quotes and are cut when long.
  [[nodiscard]] std::string shown() const;
};

[[nodiscard]] complaint expected(std::string_view what, const given_value& got);

/// Bounds of an integer, both inclusive.
struct range {
  std::uint64_t least = 0;
  std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
};
[[nodiscard]] complaint read_integer(const given_value& v, std::uint64_t& out, range bounds);

template <class T>
[[nodiscard]] complaint read(const given_value& v, T& out, range bounds) {
  std::uint64_t number = out;
  auto wrong = read_integer(v, number, bounds);
  out = static_cast<T>(number);
  return wrong;
}

/// `10s`, `200ms`, `1h`; units ms s m h d.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
[[nodiscard]] std::string show_duration(std::chrono::milliseconds d);
[[nodiscard]] complaint read(const given_value& v, std::chrono::milliseconds& out,
                             std::chrono::milliseconds least = {},
                             std::chrono::milliseconds most = std::chrono::hours{24 * 3650});

[[nodiscard]] complaint read(const given_value& v, bool& out);
[[nodiscard]] complaint read(const given_value& v, std::string& out);
[[nodiscard]] complaint read(const given_value& v, text_list& out);

/// `"a" or "b"`, `"a", "b" or "c"`.
[[nodiscard]] std::string choices_text(const text_list& names);

template <class T>
[[nodiscard]] complaint read(const given_value& v, T& out,
                             std::initializer_list<std::pair<std::string_view, T>> choices) {
  const auto* text = std::get_if<std::string>(&v.what);
  text_list names;
  for (const auto& [name, value] : choices) {
    if (text && *text == name) {
      out = value;
      return {};
    }
    names.emplace_back(name);
  }
  return expected(choices_text(names), v);
}

/// The nearest of `known` if it is near enough to be what was meant; empty: none is.
[[nodiscard]] std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);

} // namespace hubbub::daemon
