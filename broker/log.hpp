#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <variant>

/// What the modules say to the people who run the broker. The daemon decides
/// where it goes; no module sees the logging library.
namespace hubbub::broker {

enum class log_level : std::uint8_t { debug, info, warn, error, off };

/// One fact beside a message: `{"room", room.str()}`, `{"readers", 12}`.
struct log_field {
  using value_type = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  log_field(std::string_view k, std::string_view v) : key{k}, value{v} {}
  log_field(std::string_view k, const char* v) : key{k}, value{std::string_view{v}} {}
  log_field(std::string_view k, bool v) : key{k}, value{v} {}
  template <std::signed_integral T>
  log_field(std::string_view k, T v) : key{k}, value{static_cast<std::int64_t>(v)} {}
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) log_field(std::string_view k, T v)
      : key{k}, value{static_cast<std::uint64_t>(v)} {}
  template <std::floating_point T>
  log_field(std::string_view k, T v) : key{k}, value{static_cast<double>(v)} {}

  std::string_view key;
  value_type value;
};

/// One thing said. The views need to live for the call only.
struct log_entry {
  log_level level = log_level::info;
  /// Who says it, in one word: `rooms`, `listener`.
  std::string_view component;
  /// One sentence; never a token, never a payload.
  std::string_view message;
  std::span<const log_field> fields;
  /// Not empty: entries with the same key are written once a minute at most;
  /// the next one that is written says how many were not.
  std::string_view limit_key;
};

/// Where log entries go. Any thread; never blocks for long, never throws.
class log_sink {
public:
  virtual ~log_sink() = default;

  /// Is that level written at all? Ask before making a costly message.
  [[nodiscard]] virtual bool wants(log_level level) const noexcept = 0;
  virtual void write(const log_entry& entry) noexcept = 0;

  using fields = std::initializer_list<log_field>;

  void debug(std::string_view component, std::string_view message, fields more = {}) noexcept {
    say(log_level::debug, component, message, more);
  }
  void info(std::string_view component, std::string_view message, fields more = {}) noexcept {
    say(log_level::info, component, message, more);
  }
  void warn(std::string_view component, std::string_view message, fields more = {}) noexcept {
    say(log_level::warn, component, message, more);
  }
  void error(std::string_view component, std::string_view message, fields more = {}) noexcept {
    say(log_level::error, component, message, more);
  }
  /// For trouble that repeats itself: once a minute for each `key`.
  void limited(log_level level, std::string_view component, std::string_view key, std::string_view message,
               fields more = {}) noexcept {
    say(level, component, message, more, key);
  }

private:
  void say(log_level level, std::string_view component, std::string_view message, fields more,
           std::string_view key = {}) noexcept {
    if (wants(level))
      write({level, component, message, {more.begin(), more.size()}, key});
  }
};

/// Says nothing.
class null_log final : public log_sink {
public:
  [[nodiscard]] bool wants(log_level) const noexcept override { return false; }
  void write(const log_entry&) noexcept override {}
};

} // namespace hubbub::broker
