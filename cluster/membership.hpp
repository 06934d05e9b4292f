#pragma once

#include "broker/clock.hpp"
#include "broker/roster_part.hpp"
#include "cluster/presence_message.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace hubbub::cluster {

/// Another node, as it is known here.
struct living_node {
  /// Empty: it was heard, and has not said it yet.
  std::string name;
  broker::owner_id owner = 0;
  /// Milliseconds since 1970; 0: as `name`.
  std::int64_t started_ms = 0;
  bool draining = false;
  bool keeps_occupancy = false;
  /// Since when it has been heard without a pause of a lease.
  broker::steady_time since;
  broker::steady_time heard;
};

/// Which other nodes are alive: those whose beat was heard within a lease. Of two lives of one name the later
/// one holds, and the former ends at once. One thread at a time.
class membership {
public:
  /// Who came, or came back, and who is gone; in order.
  struct change {
    broker::owner_id owner = 0;
    bool came = false;
    /// As in `living_node`.
    std::string name;
  };
  using changes = std::vector<change>;

  /// `self` is never among the others. `most`: more are not heard.
  membership(broker::owner_id self, broker::milliseconds lease, std::size_t most)
      : self_{self}, lease_{lease}, most_{most} {}

  /// False: it does not count, as its life is over or there are too many nodes.
  [[nodiscard]] bool hear(const beat_message& beat, broker::steady_time now, changes& to);
  /// Whoever says anything else is alive, too; for how long, its beats say. For a part that was lost is named
  /// in them: who hears a node without its beats must let go of it.
  [[nodiscard]] bool hear(broker::owner_id who, broker::steady_time now, changes& to);
  void farewell(broker::owner_id who, broker::steady_time now, changes& to);
  /// Ends whoever was not heard for a lease. `late`: what has come for so long is not read yet, so that it
  /// cannot be said of anybody since then that it was silent.
  void expire(broker::steady_time now, changes& to, broker::milliseconds late = {});
  /// We were stopped, and could hear nobody: all get `more` time from now.
  void excuse(broker::steady_time now, broker::milliseconds more);

  [[nodiscard]] bool is_alive(broker::owner_id who) const { return alive_.contains(who); }
  [[nodiscard]] std::size_t size() const noexcept { return alive_.size(); }
  /// By owner.
  [[nodiscard]] const std::map<broker::owner_id, living_node>& alive() const noexcept { return alive_; }

private:
  [[nodiscard]] living_node* find(const std::string& name);
  void end(broker::owner_id who, broker::steady_time now, changes& to);
  [[nodiscard]] bool is_over(broker::owner_id who) const;

  const broker::owner_id self_;
  const broker::milliseconds lease_;
  const std::size_t most_;
  std::map<broker::owner_id, living_node> alive_;
  // Ended for good: what they said before may still be on its way.
  std::vector<std::pair<broker::steady_time, broker::owner_id>> over_;
};

} // namespace hubbub::cluster
