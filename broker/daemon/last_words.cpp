#include "broker/daemon/last_words.hpp"

#include "broker/supervisor.hpp"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

namespace hubbub::daemon {
namespace {

// What hangs may be the log, or a terminal that nobody reads.
constexpr std::chrono::milliseconds log_patience{500};

// std::set_terminate takes a function that knows nothing.
broker::log_sink* log_of_terminations = nullptr;

/// In a thread of its own, as it may wait for ever.
void say_in_time(const std::function<void()>& say) noexcept {
  try {
    auto said = std::make_shared<std::promise<void>>();
    auto done = said->get_future();
    std::thread{[said, say] {
      say();
      said->set_value();
    }}.detach();
    done.wait_for(log_patience);
  } catch (...) { // no thread to be had: the exit code has to do
  }
}

[[noreturn]] void terminated() noexcept {
  std::string why = "std::terminate was called";
  try {
    if (const auto thrown = std::current_exception())
      std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    why = e.what();
  } catch (...) {
    why = broker::strange_exception;
  }
  say_in_time([why] {
    log_of_terminations->error("node", "aborts: an exception that nobody caught", {{"reason", why}});
  });
  std::abort();
}

} // namespace

void leave(int code, broker::log_sink& log, std::string_view component, std::string_view message,
           broker::log_sink::fields more) noexcept {
  // Whoever is called waits for the call, or the process is gone.
  say_in_time([&] { log.error(component, message, more); });
  ::_exit(code);
}

void log_terminations(broker::log_sink& log) {
  log_of_terminations = &log;
  std::set_terminate(&terminated);
}

std::string utc_text(std::chrono::system_clock::time_point when) {
  const auto seconds = std::chrono::system_clock::to_time_t(when);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

} // namespace hubbub::daemon
