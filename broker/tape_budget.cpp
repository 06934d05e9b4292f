#include "broker/tape_budget.hpp"

#include "broker/tape.hpp"

#include <iterator>

namespace hubbub::broker {

void tape_budget::changed(tape& t) {
  std::lock_guard hold{mutex_};
  move(t, t.rank());
  while (!has_room() && !ranks_.empty()) {
    auto& largest = *std::prev(ranks_.end())->second;
    const auto before = largest.held();
    move(largest, largest.give_up());
    // Its writer may have added to it meanwhile, and what a conflating tape gives up it keeps in part.
    if (const auto after = largest.held(); after < before)
      given_up_.fetch_add(before - after, std::memory_order_relaxed);
  }
}

void tape_budget::move(tape& t, rank_change from) {
  const auto [was, now] = from;
  if (was == now)
    return;
  auto row = was != 0 ? ranks_.extract({was, &t}) : decltype(ranks_)::node_type{};
  if (now == 0)
    return;
  if (row.empty()) {
    ranks_.emplace(now, &t);
    return;
  }
  row.value().first = now;
  ranks_.insert(std::move(row));
}

void tape_budget::forget(tape& t) noexcept {
  // Always: another loop may be shortening it.
  std::lock_guard hold{mutex_};
  if (const auto was = t.rank().was; was != 0)
    ranks_.erase({was, &t});
}

} // namespace hubbub::broker
