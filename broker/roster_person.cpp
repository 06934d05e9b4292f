#include "broker/roster_person.hpp"

#include <utility>

namespace hubbub::broker {

namespace {

// So many need no table.
constexpr std::uint32_t few_people = 4;
constexpr std::uint32_t least_chains = 8;

} // namespace

roster::person_table::person_table() noexcept = default;

roster::person_table::~person_table() {
  // One after the other: were each to end the one behind it, a long chain would need a deep stack.
  for (std::uint32_t i = 0; i <= mask_; ++i)
    for (auto& first = chains()[i]; first;)
      first = std::exchange(first->next, nullptr);
}

roster::person* roster::person_table::find(std::string_view user) const noexcept {
  const auto hash = hash_of(user);
  for (auto* p = chains()[hash & mask_].get(); p; p = p->next.get())
    if (p->hash == hash && p->shown->user() == user)
      return p;
  return nullptr;
}

void roster::person_table::add(std::unique_ptr<person> p) {
  if (size_ == (mask_ == 0 ? few_people : mask_ + 1))
    grow();
  p->hash = hash_of(p->shown->user());
  link(std::move(p));
  ++size_;
}

void roster::person_table::link(std::unique_ptr<person> p) noexcept {
  auto& first = chains()[p->hash & mask_];
  p->next = std::exchange(first, nullptr);
  first = std::move(p);
}

void roster::person_table::erase(const person& p) noexcept {
  auto* at = &chains()[p.hash & mask_];
  while (at->get() != &p)
    at = &(*at)->next;
  *at = std::exchange((*at)->next, nullptr);
  if (--size_ == 0) {
    many_.reset();
    mask_ = 0;
  }
}

void roster::person_table::grow() {
  const auto before = mask_;
  const auto n = std::max(least_chains, 2 * (before + 1));
  auto old = std::exchange(many_, std::make_unique<std::unique_ptr<person>[]>(n));
  auto few = std::exchange(few_, nullptr);
  mask_ = n - 1;
  for (std::uint32_t i = 0; i <= before; ++i)
    for (auto p = std::move(old ? old[i] : few); p;) {
      auto rest = std::exchange(p->next, nullptr);
      link(std::move(p));
      p = std::move(rest);
    }
}

} // namespace hubbub::broker
