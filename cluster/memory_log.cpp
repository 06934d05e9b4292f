#include "cluster/memory_log.hpp"

#include "cluster/memory_interest.hpp"
#include "cluster/memory_store.hpp"

#include <chrono>
#include <utility>

namespace hubbub::cluster {

memory_log::memory_log(const broker::namespaces& spaces, const broker::clock& time,
                       broker::supervisor* answers, const std::shared_ptr<dedup_bound>& ids)
    : store_{std::make_shared<memory_store>(spaces, time, ids)}, sweeper_{[this, answers] {
        broker::guarded_to_the_end(answers, "sweeper", [this] { sweep_in_turn(); });
      }} {}

memory_log::~memory_log() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  stop_.notify_all();
  sweeper_.join();
}

std::unique_ptr<broker::interest> memory_log::want(const broker::room_name& room,
                                                   std::shared_ptr<broker::event_bus_handler> handler) {
  return std::make_unique<memory_interest>(store_, room, std::move(handler));
}

void memory_log::read(broker::read_request what, broker::read_handler done) {
  const auto now = store_->now();
  const auto not_before = what.not_before_ms == 0 ? 0 : now - (store_->unix_ms() - what.not_before_ms);
  auto found = store_->shard_of(what.room).read(what, now, not_before);
  found.head.epoch = store_->epoch;
  done(std::move(found));
}

broker::guarantee memory_log::promises() const {
  return {"memory", "Events are kept in this process's memory only: when it ends, they are gone.", "none", 1};
}

broker::refusal memory_log::health() const { return broker::errc::ok; }

const std::string& memory_log::epoch() const noexcept { return store_->epoch; }

void memory_log::sweep() {
  for (std::size_t i = 0; i < memory_store::shard_count; ++i)
    store_->shard(i).sweep(store_->now());
}

void memory_log::sweep_in_turn() {
  using namespace std::chrono_literals;
  constexpr auto per_turn = memory_store::shard_count / 4;
  std::unique_lock lock{mutex_};
  for (std::size_t i = 0; !stop_.wait_for(lock, 1s, [this] { return stopping_; }); i += per_turn) {
    lock.unlock();
    for (std::size_t n = 0; n < per_turn; ++n)
      store_->shard((i + n) % memory_store::shard_count).sweep(store_->now());
    lock.lock();
  }
}

} // namespace hubbub::cluster
