#include "cluster/write_queue.hpp"

#include <utility>

namespace hubbub::cluster {

write_queue::answer write_queue::push(write_task&& task) {
  auto first = false;
  {
    std::lock_guard lock{mutex_};
    if (closed_)
      return answer::closed;
    if (task.what == write_task::kind::publish) {
      if (publishes_ >= most_tasks || bytes_ >= most_bytes)
        return answer::full;
      ++publishes_;
      bytes_ += task.bytes();
    }
    first = tasks_.empty();
    tasks_.push_back(std::move(task));
  }
  if (first)
    news_.notify_one();
  return answer::taken;
}

bool write_queue::take(std::vector<write_task>& into, std::chrono::steady_clock::time_point when) {
  into.clear();
  // After a burst, back to what is usual.
  if (into.capacity() > 8192)
    into.shrink_to_fit();
  std::unique_lock lock{mutex_};
  news_.wait_until(lock, when, [this] { return closed_ || !tasks_.empty(); });
  into.swap(tasks_);
  return !(closed_ && into.empty());
}

void write_queue::done(std::size_t tasks, std::size_t bytes) noexcept {
  std::lock_guard lock{mutex_};
  publishes_ -= tasks;
  bytes_ -= bytes;
}

void write_queue::close() {
  {
    std::lock_guard lock{mutex_};
    closed_ = true;
  }
  news_.notify_one();
}

} // namespace hubbub::cluster
