#include "transport/inbox.hpp"

#include <cerrno>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace hubbub::transport {

inbox::inbox() : event_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)} {
  if (event_ < 0)
    throw std::system_error{errno, std::generic_category(), "eventfd"};
}

inbox::~inbox() { ::close(event_); }

void inbox::post(std::function<void()> job) {
  {
    std::lock_guard lock{mutex_};
    if (closed_)
      return;
    jobs_.push_back(std::move(job));
    filled_.store(true, std::memory_order_release);
  }
  wake();
}

void inbox::wake() noexcept {
  if (woken_.exchange(true, std::memory_order_acq_rel))
    return;
  // Never read: watched edge-triggered, each write signals; the counter has 64 bits.
  const std::uint64_t one = 1;
  [[maybe_unused]] auto written = ::write(event_, &one, sizeof one);
}

std::vector<std::function<void()>> inbox::take() {
  if (!filled_.load(std::memory_order_acquire))
    return {};
  std::lock_guard lock{mutex_};
  filled_.store(false, std::memory_order_relaxed);
  return std::exchange(jobs_, {});
}

void inbox::close() {
  std::vector<std::function<void()>> dropped;
  std::lock_guard lock{mutex_};
  closed_ = true;
  dropped.swap(jobs_);
}

} // namespace hubbub::transport
