#pragma once

#include "broker/feed.hpp"
#include "broker/session_id.hpp"
#include "broker/session_map.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace hubbub::broker {

/// Which sessions read a room, and so which event loops it has to tell of news. The room only.
class attendance {
public:
  /// `presence`: it is to be told of changes in the roster. Each session once; nobody never reads.
  void add(session_id who, std::uint32_t loop, bool presence);
  /// False: it did not read.
  bool remove(session_id who);

  [[nodiscard]] bool has(session_id who) const { return seats_.find(who) != nullptr; }
  [[nodiscard]] bool empty() const noexcept { return seats_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return seats_.size(); }
  /// A bit for each loop that has readers, and those that want presence.
  [[nodiscard]] std::uint64_t loops() const noexcept { return loops_; }
  [[nodiscard]] std::uint64_t presence_loops() const noexcept { return presence_loops_; }

private:
  struct seat {
    std::uint32_t loop = 0;
    bool presence = false;
  };
  struct counts {
    std::uint32_t all = 0;
    std::uint32_t presence = 0;
  };
  void count(const seat& s);
  void look_again() noexcept;

  session_map<seat> seats_;
  /// By loop. Null in a room of few, where it is quicker to look at all seats.
  std::unique_ptr<std::vector<counts>> on_;
  std::uint64_t loops_ = 0;
  std::uint64_t presence_loops_ = 0;
};

} // namespace hubbub::broker
