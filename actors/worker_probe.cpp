#include "actors/worker_probe.hpp"

#include <caf/actor_system.hpp>
#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/spawn_options.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace hubbub::actors {
namespace {

// Long enough for a worker that has nothing to do, short enough for who waits behind.
constexpr std::chrono::milliseconds probe_patience{20};

} // namespace

struct worker_probe::roll {
  explicit roll(std::size_t workers) : signs(workers) {}

  /// On a worker.
  void answer(std::uint64_t round) {
    std::unique_lock lock{mutex};
    const auto me = std::this_thread::get_id();
    const auto at = static_cast<std::size_t>(std::find(known.begin(), known.end(), me) - known.begin());
    if (at == known.size() && known.size() < signs.size()) {
      known.push_back(me);
      last.push_back(0);
    }
    if (at < last.size() && last[at] != round) {
      last[at] = round;
      ++signs[at];
      if (++present == signs.size())
        all_here.notify_all();
    }
    all_here.wait_for(lock, probe_patience, [this] { return present == signs.size(); });
    --open;
  }

  mutable std::mutex mutex;
  std::condition_variable all_here;
  std::vector<std::uint64_t> signs;
  std::vector<std::thread::id> known;
  /// The round in which each was last heard.
  std::vector<std::uint64_t> last;
  /// Workers heard in this round, and messages that nobody has finished with.
  std::size_t present = 0;
  std::size_t open = 0;
};

/// Takes a question on whichever worker is free. (A class: CAF 0.17 dereferences a null pointer when an actor
/// is made of a function without arguments.)
class worker_probe::probe final : public caf::event_based_actor {
public:
  probe(caf::actor_config& cfg, std::shared_ptr<roll> all)
      : caf::event_based_actor{cfg}, all_{std::move(all)} {}

private:
  caf::behavior make_behavior() override {
    return {[this](std::uint64_t round) { all_->answer(round); }};
  }
  const std::shared_ptr<roll> all_;
};

worker_probe::worker_probe(caf::actor_system& system, std::uint32_t workers)
    : roll_{std::make_shared<roll>(workers)} {
  for (std::uint32_t i = 0; i < workers; ++i)
    probes_.push_back(system.spawn<probe, caf::hidden>(roll_));
}

worker_probe::~worker_probe() = default;

void worker_probe::ask() {
  {
    std::lock_guard lock{roll_->mutex};
    if (roll_->open != 0)
      return;
    roll_->open = probes_.size();
    roll_->present = 0;
  }
  ++round_;
  for (const auto& p : probes_)
    caf::anon_send(p, round_);
}

std::uint64_t worker_probe::signs(std::size_t worker) const {
  std::lock_guard lock{roll_->mutex};
  return roll_->signs[worker];
}

} // namespace hubbub::actors
