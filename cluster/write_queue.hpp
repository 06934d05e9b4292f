#pragma once

#include "broker/event.hpp"
#include "broker/event_bus.hpp"
#include "cluster/siphash.hpp"
#include "cluster/sqlite_room.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace hubbub::cluster {

/// Something for the writer to do.
struct write_task {
  enum class kind : std::uint8_t { want, forget, publish };
  enum class outcome : std::uint8_t { kept, duplicate, replaced };

  kind what = kind::want;
  std::shared_ptr<sqlite_subscription> who;

  // Only for a publish.
  broker::publish_token token = 0;
  std::shared_ptr<broker::stored_event> event;
  std::optional<digest> id;
  /// Had the producer given an id?
  bool named = false;

  // Filled in by the writer.
  outcome became = outcome::kept;
  /// Where the event is; for `want` the head.
  std::uint64_t offset = 0;

  [[nodiscard]] std::size_t bytes() const noexcept { return event ? event->data.size() + 512 : 0; }
};

/// What waits for the writer: bounded in publishes and bytes, of which those count that
/// are being written. Any thread; `take` and `done` are the writer's.
class write_queue {
public:
  static constexpr std::size_t most_tasks = 65'536;
  static constexpr std::size_t most_bytes = 64 << 20;

  enum class answer : std::uint8_t { taken, full, closed };
  /// Only a publish can be refused because the queue is full. When it is not taken, `task` stays as it was.
  [[nodiscard]] answer push(write_task&& task);
  /// Waits until there is something, or until `when`. False: it is closed, and empty.
  [[nodiscard]] bool take(std::vector<write_task>& into, std::chrono::steady_clock::time_point when);
  /// So many publishes are answered.
  void done(std::size_t tasks, std::size_t bytes) noexcept;
  void close();

private:
  std::mutex mutex_;
  std::condition_variable news_;
  std::vector<write_task> tasks_;
  std::size_t publishes_ = 0;
  std::size_t bytes_ = 0;
  bool closed_ = false;
};

} // namespace hubbub::cluster
