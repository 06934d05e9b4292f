#pragma once

#include "broker/session_id.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace hubbub::broker {

/// How many frames that were kept from each of a room's readers its tape has given up. Most rooms have few
/// readers, whom a short array holds. Not synchronised: the tape guards it.
class excluded_counts {
public:
  /// From now on those of `who` are counted.
  void expect(session_id who) {
    if (many_) {
      many_->try_emplace(who, 0);
    } else if (!find(who)) {
      if (few_.size() < most_few)
        few_.push_back({who, 0});
      else
        spread(who);
    }
  }
  void forget(session_id who) {
    if (many_)
      many_->erase(who);
    else
      std::erase_if(few_, [who](const row& r) { return r.who == who; });
  }
  [[nodiscard]] bool empty() const noexcept { return many_ ? many_->empty() : few_.empty(); }

  /// One more of `who`; of others nothing is kept.
  void add(session_id who) noexcept {
    if (auto* n = find(who))
      ++*n;
  }
  [[nodiscard]] std::uint64_t of(session_id who) const noexcept {
    const auto* n = const_cast<excluded_counts*>(this)->find(who);
    return n ? *n : 0;
  }

private:
  static constexpr std::size_t most_few = 8;
  struct row {
    session_id who;
    std::uint64_t frames;
  };
  [[nodiscard]] std::uint64_t* find(session_id who) noexcept {
    if (many_) {
      const auto found = many_->find(who);
      return found == many_->end() ? nullptr : &found->second;
    }
    const auto found = std::ranges::find(few_, who, &row::who);
    return found == few_.end() ? nullptr : &found->frames;
  }
  void spread(session_id who) {
    many_ = std::make_unique<std::unordered_map<session_id, std::uint64_t>>();
    for (const auto& r : few_)
      many_->emplace(r.who, r.frames);
    many_->emplace(who, 0);
    std::vector<row>{}.swap(few_);
  }

  std::vector<row> few_;
  std::unique_ptr<std::unordered_map<session_id, std::uint64_t>> many_;
};

} // namespace hubbub::broker
