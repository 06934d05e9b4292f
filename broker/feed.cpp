#include "broker/feed.hpp"

#include <mutex>

namespace hubbub::broker {
namespace {

tape::options tape_options(const policy& rules) {
  tape::options o;
  o.bytes = rules.tape_bytes;
  if (rules.kind == room_kind::live) {
    o.count_excluded = true;
    o.conflate_keys = rules.when_overtaken == overflow::conflate ? rules.conflate_keys : 0;
  }
  return o;
}

} // namespace

feed::feed(room_name room, const policy& rules, std::uint32_t loops, tape_budget& budget, std::uint64_t after,
           feed_serial serial, std::string epoch)
    : room_{std::move(room)},
      rules_{rules},
      serial_{serial},
      epoch_{std::move(epoch)},
      plain_{tape_options(rules), budget, after} {
  tapes_[static_cast<std::size_t>(wire_format::websocket)].store(&plain_, std::memory_order_relaxed);
  if (loops > on_first_.size())
    on_others_ = std::make_unique<audience*[]>(loops - on_first_.size());
}

feed::~feed() {
  for (const auto& added : tapes_)
    if (auto* t = added.load(std::memory_order_relaxed); t != &plain_)
      delete t;
}

void feed::add(wire_format f, tape_budget& budget, std::uint64_t after) {
  auto t = std::make_unique<tape>(tape_options(rules_), budget, after);
  tapes_[static_cast<std::size_t>(f)].store(t.release(), std::memory_order_release);
}

void feed::show(std::shared_ptr<const presence_view> newest) {
  std::lock_guard hold{mutex_};
  presence_.swap(newest);
}

void feed::replace(std::shared_ptr<feed> by) {
  std::lock_guard hold{mutex_};
  next_ = std::move(by);
}

std::shared_ptr<feed> feed::replaced_by() const {
  std::lock_guard hold{mutex_};
  return next_;
}

std::shared_ptr<const presence_view> feed::presence() const {
  std::lock_guard hold{mutex_};
  return presence_;
}

} // namespace hubbub::broker
