#pragma once

#include <cstddef>

// A sanitizer brings an allocator of its own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HUBBUB_HAS_ALLOCATIONS 0
#else
#define HUBBUB_HAS_ALLOCATIONS 1
#endif

/// The memory that a test asks for with `new`.
namespace hubbub::tests {

/// How often this thread has asked.
[[nodiscard]] std::size_t allocations() noexcept;
/// How many pieces it has got more than it has given back.
[[nodiscard]] std::ptrdiff_t held_pieces() noexcept;

/// As long as it is there this thread gets none any more. One at a time.
class no_memory {
public:
  /// After it has got so many times what it wanted.
  explicit no_memory(std::size_t granted = 0) noexcept;
  ~no_memory();
  no_memory(const no_memory&) = delete;
  no_memory& operator=(const no_memory&) = delete;
};

} // namespace hubbub::tests
