#pragma once

#include "broker/clock.hpp"
#include "broker/log.hpp"
#include "broker/roster_bus.hpp"
#include "cluster/deferred_calls.hpp"
#include "cluster/membership.hpp"
#include "cluster/nats_link.hpp"
#include "cluster/occupancy.hpp"
#include "cluster/own_beats.hpp"
#include "cluster/presence_message.hpp"
#include "cluster/roster_asks.hpp"
#include "cluster/roster_counters.hpp"
#include "cluster/roster_options.hpp"
#include "cluster/roster_room.hpp"
#include "cluster/subjects.hpp"
#include "cluster/told_rooms.hpp"
#include "cluster/way_to.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace hubbub::cluster {

/// What a node knows of the others and of their people in the rooms it wants, and what it has told them.
/// Any thread. Outlives the bus in its interests; everything is refused in silence then.
class roster_hub : public std::enable_shared_from_this<roster_hub> {
public:
  roster_hub(std::string node, const roster_options& options, subjects names, const broker::clock& time,
             broker::log_sink& log, std::unique_ptr<nats_link> link);

  /// Begins to beat and to listen.
  void start();
  /// Says farewell. Waits a moment for it to go out.
  void close();

  /// The life of the interest. The handler is called from here on.
  [[nodiscard]] std::uint64_t want(const broker::room_name& room,
                                   std::shared_ptr<broker::roster_bus_handler> handler);
  void end(const broker::room_name& room, std::uint64_t life);
  void tell(const broker::room_name& room, std::uint64_t life, broker::roster_part own);
  void answer(const broker::room_name& room, std::uint64_t life, const broker::roster_asker& who,
              broker::roster_part all);

  /// The room has readers on this node, or none any more. Of no consequence where no notice is asked for.
  void occupy(const broker::room_name& room, bool here);

  void drain();
  [[nodiscard]] std::vector<living_node> nodes() const;
  /// Has each node that there is been heard, and said its name?
  [[nodiscard]] bool knows_nodes() const;
  [[nodiscard]] broker::owner_id self() const noexcept { return self_; }
  [[nodiscard]] const roster_counters& counters() const noexcept { return counters_; }

private:
  using room_ptr = std::shared_ptr<roster_room>;
  /// The mutex, held; afterwards what was decided is done without it.
  class turn {
  public:
    explicit turn(roster_hub& hub);
    /// Throws what the calls throw.
    ~turn() noexcept(false);
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;

  private:
    roster_hub& hub_;
    std::unique_lock<std::mutex> held_;
  };
  struct due {
    broker::steady_time when;
    room_ptr room;
    std::uint64_t life;
  };

  friend struct roster_room;
  // Without the mutex: where the link's threads come in.
  void on_beats(const nats_message& m);
  void on_own(const nats_message& m);
  void on_room(const room_ptr& room, const nats_message& m);
  void on_answered(const roster_asks::batch& asked, nats_link::fate fate, const nats_message& m);
  void on_counted(const room_ptr& room, std::uint64_t life, broker::owner_id by, const nats_message& m);
  void tick();
  /// The connection came back.
  void on_back();
  /// Messages were dropped; one of many tells of the others.
  void on_dropped();

  // With it.
  /// What was read. None: it was nothing, which is counted and logged, or it is too late.
  [[nodiscard]] presence_message* accept(std::variant<presence_message, presence_flaw>& what);
  void note_foreign();
  void hear(beat_message&& m);
  void hear(roster_room& room, part_message&& m);
  void hear_told(const std::vector<broker::room_name>& asked, const told_message& told);
  void answer_ask(const ask_message& m, std::string reply_to);
  void answer_room(roster_room& room, const ask_message& m);
  void apply(const membership::changes& changes);
  void forget_owner(broker::owner_id owner);
  void resolve(roster_room& room, broker::owner_id owner);
  void sync(roster_room& room);
  void chase(roster_room& room, broker::owner_id owner, bool is_coming);
  void chase_again();
  void ask_for_missed(const roster_room& room, broker::owner_id owner);
  /// By name, those who have not said what they have.
  void ask_silent(const roster_room& room);
  void ask_everything();
  void ask_everything(broker::owner_id of);
  void send_asks();
  void send_part(std::string subject, const roster_room& room, std::uint64_t number,
                 broker::roster_part part);
  void send_nothing(broker::owner_id to, const broker::room_name& room, std::uint64_t number);
  void count_nodes(const room_ptr& room);
  void open(const room_ptr& room);
  [[nodiscard]] std::uint64_t next_number(roster_room& room);
  void take_back(roster_room& room);
  void take_back_due();
  void sync_due();
  void beat_if_due();
  void beat();
  void tick_occupancy();
  void send_occupancy();
  void tell_backends(const occupancy::batch& what);
  /// False: it was not sent.
  bool tell_backends(const broker::room_name& room, bool occupied);

  const std::string node_;
  const roster_options options_;
  const subjects names_;
  const broker::clock& time_;
  broker::log_sink& log_;
  const std::unique_ptr<nats_link> link_;
  const broker::owner_id self_;
  const std::int64_t started_ms_;
  roster_counters counters_;

  mutable std::mutex mutex_;
  deferred_calls calls_;
  bool closed_ = false;
  /// Read once for each turn.
  broker::steady_time now_;
  membership members_;
  own_beats own_beats_;
  roster_rooms rooms_;
  std::uint64_t lives_ = 0;
  /// Null until the first room.
  way_ptr<roster_hub> way_;
  /// At least as high as any number told in any room, so that a room which comes again goes on above.
  std::uint64_t tells_ = 0;
  told_rooms told_;
  roster_asks asks_;
  std::size_t pieces_bytes_ = 0;
  std::multimap<broker::steady_time, std::pair<std::weak_ptr<roster_room>, broker::owner_id>> chases_;
  std::deque<due> syncs_;
  std::deque<due> take_backs_;

  bool draining_ = false;
  std::uint64_t sequence_ = 0;
  broker::steady_time next_beat_{};
  broker::steady_time last_beat_{};
  /// From when on it is known who there is.
  broker::steady_time settled_{};
  std::optional<broker::steady_time> ask_everything_at_;

  /// None: no notice is asked for, or the node ends.
  std::optional<occupancy> occupancy_;
  /// From when on what is known of rooms counts.
  broker::steady_time occupancy_counts_{};

  nats_link::subscription beats_;
  nats_link::subscription own_;
};

} // namespace hubbub::cluster
