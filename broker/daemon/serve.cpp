#include "broker/daemon/serve.hpp"

#include "broker/clock.hpp"
#include "broker/daemon/last_words.hpp"
#include "broker/daemon/log.hpp"
#include "broker/daemon/node.hpp"

#include <csignal>
#include <cstdio>
#include <tuple>
#include <unistd.h>

namespace hubbub::daemon {
namespace {

/// The signals that a node acts on; blocked in all threads, taken by the main one.
sigset_t watched_signals() {
  sigset_t s;
  sigemptyset(&s);
  for (auto one : {SIGTERM, SIGINT, SIGHUP, node::drain_ordered})
    sigaddset(&s, one);
  return s;
}

/// Who has the node end. Of one that is told to end by signals, the second one ends it at once; an order to
/// drain, however it came, is none of them: whoever ordered it and then stops the process is in no hurry.
class end_signals {
public:
  explicit end_signals(const sigset_t& watched) : watched_{watched} {}

  void note(int signal) noexcept { count_ += signal == SIGTERM || signal == SIGINT; }
  /// Waits a few milliseconds for the next. True: it was asked for twice.
  bool hurry() noexcept {
    constexpr timespec a_moment{0, 20'000'000};
    note(sigtimedwait(&watched_, nullptr, &a_moment));
    return count_ >= 2;
  }

private:
  const sigset_t& watched_;
  int count_ = 0;
};

} // namespace

int serve(const config& how) {
  std::signal(SIGPIPE, SIG_IGN);
  // A log that may not grow (RLIMIT_FSIZE) is a full disk, not the end.
  std::signal(SIGXFSZ, SIG_IGN);
  const auto signals = watched_signals();
  // Before the first thread, which inherits it.
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const broker::system_clock time;
  const auto log = make_log(how.log.format, how.log.level, time);
  log_terminations(*log);
  for (const auto& sentence : how.warnings)
    log->warn("config", sentence);
  auto started = node::start(how, *log, time);
  if (!started) {
    std::fprintf(stderr, "hubbub: %s\n", started.error().message.c_str());
    return 1;
  }
  auto& running = **started;
  // The main thread, which waits for signals, is the one that may wait for the end.
  running.on_end([] { ::kill(::getpid(), SIGTERM); });
  std::printf("hubbub: listening on %s\nhubbub: admin on %s\n", running.public_url().c_str(),
              running.admin_url().c_str());
  std::fflush(stdout);
  const auto promise = running.promises();
  log->info("log", promise.sentence, {{"storage", promise.storage}});

  for (;;) {
    int got = 0;
    if (sigwait(&signals, &got) != 0)
      continue;
    if (got == SIGHUP) {
      std::ignore = running.reload(); // which says what came of it
      continue;
    }
    if (!running.gave_up()) {
      if (got == node::drain_ordered)
        log->info("node", "stopping, as an operator ordered");
      else
        log->info("node", "stopping", {{"signal", got}});
      end_signals ends{signals};
      ends.note(got);
      running.drain([&] { return ends.hurry() || running.gave_up(); });
    }
    if (!running.stop())
      leave(exit_gave_up, *log, "node", "ended, as a loop crashed", {{"reason", running.why_it_gave_up()}});
    if (!running.gave_up())
      return 0;
    log->error("node", "stopped, as too much crashed", {{"reason", running.why_it_gave_up()}});
    return exit_gave_up;
  }
}

} // namespace hubbub::daemon
