#include "tests/support/allocations.hpp"

#include <cstdint>
#include <cstdlib>
#include <new>

#if HUBBUB_HAS_ALLOCATIONS

namespace {

thread_local std::size_t asked = 0;
thread_local std::size_t enough = SIZE_MAX;
thread_local std::ptrdiff_t held = 0;

void give_back(void* p) noexcept {
  held -= p != nullptr;
  std::free(p);
}

} // namespace

// Not inlined, or the compiler believes that new and delete do not fit each other.
[[gnu::noinline]] void* operator new(std::size_t n) {
  if (asked++ >= enough)
    throw std::bad_alloc{};
  if (auto* p = std::malloc(n == 0 ? 1 : n))
    return ++held, p;
  throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* p) noexcept { give_back(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { give_back(p); }

namespace hubbub::tests {

std::size_t allocations() noexcept { return asked; }

std::ptrdiff_t held_pieces() noexcept { return held; }

no_memory::no_memory(std::size_t granted) noexcept { enough = asked + granted; }

no_memory::~no_memory() { enough = SIZE_MAX; }

} // namespace hubbub::tests

#endif
