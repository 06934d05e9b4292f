#include "broker/daemon/log.hpp"

#include "broker/daemon/log_limiter.hpp"
#include "broker/daemon/log_text.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <mutex>
#include <optional>
#include <vector>

namespace hubbub::daemon {
namespace {

using broker::log_entry;
using broker::log_level;

spdlog::level::level_enum to_spdlog(log_level level) {
  switch (level) {
  case log_level::debug:
    return spdlog::level::debug;
  case log_level::info:
    return spdlog::level::info;
  case log_level::warn:
    return spdlog::level::warn;
  case log_level::error:
    return spdlog::level::err;
  case log_level::off:
    break;
  }
  return spdlog::level::off;
}

/// A spdlog logger of its own, never the global registry's.
class spdlog_sink final : public broker::log_sink {
public:
  spdlog_sink(spdlog::sink_ptr to, log_format format, log_level level, const broker::clock& time)
      : logger_{"hubbub", std::move(to)}, format_{format}, level_{level}, time_{time} {
    logger_.set_level(to_spdlog(level));
    logger_.flush_on(spdlog::level::debug);
    if (format == log_format::json)
      logger_.set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})", spdlog::pattern_time_type::utc);
    else
      logger_.set_pattern("%Y-%m-%d %H:%M:%S.%e %v");
  }

  [[nodiscard]] bool wants(log_level level) const noexcept override {
    return level >= level_ && level != log_level::off;
  }

  void write(const log_entry& entry) noexcept override {
    if (!wants(entry.level))
      return;
    try {
      if (entry.limit_key.empty())
        put(entry);
      else if (const auto held = pass(entry.limit_key))
        put_with(entry, *held);
    } catch (...) { // no memory, or stderr is gone: nobody is left who could be told
    }
  }

private:
  std::optional<std::uint64_t> pass(std::string_view key) {
    std::lock_guard lock{mutex_};
    return limiter_.pass(key, time_.now());
  }

  void put_with(log_entry entry, std::uint64_t held) {
    if (held == 0)
      return put(entry);
    std::vector<broker::log_field> more{entry.fields.begin(), entry.fields.end()};
    more.emplace_back("not_shown", held);
    entry.fields = more;
    put(entry);
  }

  void put(const log_entry& entry) {
    std::string text;
    if (format_ == log_format::json)
      append_json(text, entry);
    else
      append_human(text, entry);
    logger_.log(to_spdlog(entry.level), spdlog::string_view_t{text.data(), text.size()});
  }

  spdlog::logger logger_;
  const log_format format_;
  const log_level level_;
  const broker::clock& time_;
  std::mutex mutex_;
  log_limiter limiter_;
};

} // namespace

std::unique_ptr<broker::log_sink> make_log(log_format format, log_level level, const broker::clock& time,
                                           std::ostream* to) {
  spdlog::sink_ptr sink;
  if (to)
    sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(*to);
  else
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  return std::make_unique<spdlog_sink>(std::move(sink), format, level, time);
}

} // namespace hubbub::daemon
