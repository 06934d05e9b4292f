#pragma once

#include "actors/fwd.hpp"
#include "broker/event_bus.hpp"
#include "broker/roster_bus.hpp"
#include "broker/small_mutex.hpp"

#include <caf/actor_control_block.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <variant>
#include <vector>

namespace hubbub::actors {

/// Where a room hears from the bus, and of its people on other nodes. What comes while the room itself is
/// calling the bus is handled in place; everything else waits here, and the
/// room is told once. Any thread.
class bus_inbox final : public broker::event_bus_handler, public broker::roster_bus_handler {
public:
  struct ready {
    broker::stream_position head;
  };
  struct began_anew {
    broker::stream_position head;
  };
  struct missed {};
  struct lost {
    std::uint64_t count;
  };
  struct stored {
    broker::publish_token token;
    broker::stored what;
  };
  struct refused {
    broker::publish_token token;
    broker::publish_refused what;
  };
  struct read_done {
    broker::read_handler done;
    broker::read_result what;
  };
  struct owner_gone {
    broker::owner_id owner;
  };
  struct asked {
    broker::roster_asker who;
  };
  struct synced {};
  using item = std::variant<ready, began_anew, broker::refusal, broker::stored_event_ptr, missed, lost,
                            stored, refused, read_done, broker::roster_part, owner_gone, asked, synced>;

  /// Events that wait for the room; beyond it they are refused and read later.
  static constexpr std::size_t most_events = 1024;

  void belongs_to(room_actor* room);
  /// The room calls the bus from this thread until the guard goes.
  class calling {
  public:
    explicit calling(bus_inbox& in) noexcept;
    ~calling();
    calling(const calling&) = delete;
    calling& operator=(const calling&) = delete;

  private:
    bus_inbox& in_;
    const void* before_;
  };

  /// What waits; the room only.
  [[nodiscard]] std::vector<item> take();
  /// Wraps `done` so that it is called on the room's thread.
  [[nodiscard]] static broker::read_handler through(std::shared_ptr<bus_inbox> in, broker::read_handler done);

  void on_ready(broker::stream_position head) override { put(ready{std::move(head)}); }
  void on_unavailable(broker::refusal why) override { put(std::move(why)); }
  [[nodiscard]] bool on_event(broker::stored_event_ptr e) override;
  void on_stored(broker::publish_token token, broker::stored what) override {
    put(stored{token, std::move(what)});
  }
  void on_refused(broker::publish_token token, broker::publish_refused what) override {
    put(refused{token, std::move(what)});
  }
  void on_epoch(broker::stream_position head) override { put(began_anew{std::move(head)}); }
  void on_lost(std::uint64_t count) override;

  void on_part(broker::roster_part part) override { put(std::move(part)); }
  void on_owner_gone(broker::owner_id owner) override { put(owner_gone{owner}); }
  void on_asked(broker::roster_asker who) override { put(asked{std::move(who)}); }
  void on_synced() override { put(synced{}); }

private:
  [[nodiscard]] bool in_place() const noexcept;
  void put(item i);
  void tell();

  room_actor* room_ = nullptr; // used in place only, by the room's own thread
  caf::weak_actor_ptr address_;
  std::atomic<const void*> caller_{nullptr};
  broker::small_mutex mutex_;
  std::uint16_t events_ = 0;
  static_assert(most_events < UINT16_MAX);
  bool told_ = false;
  std::vector<item> items_;
};

} // namespace hubbub::actors
