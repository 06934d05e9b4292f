#pragma once

#include <caf/actor.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace caf {
class actor_system;
}

namespace hubbub::actors {

/// Asks each of CAF's workers for signs of life. They share one queue, so each question has as many messages
/// as there are workers, and whoever takes one waits a moment for the others to take theirs: a worker that
/// misses several is at something else, and does not come back.
class worker_probe {
public:
  /// `system` must outlive it, and have so many workers.
  worker_probe(caf::actor_system& system, std::uint32_t workers);
  ~worker_probe();
  worker_probe(const worker_probe&) = delete;
  worker_probe& operator=(const worker_probe&) = delete;

  /// Asks, unless the last question was not taken yet. One thread.
  void ask();
  /// Questions that a worker has answered; in the order in which they were first heard. Any thread.
  [[nodiscard]] std::uint64_t signs(std::size_t worker) const;

private:
  struct roll;
  class probe;
  const std::shared_ptr<roll> roll_;
  std::vector<caf::actor> probes_;
  std::uint64_t round_ = 0;
};

} // namespace hubbub::actors
