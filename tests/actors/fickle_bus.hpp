#pragma once

#include "broker/event_bus.hpp"

#include <memory>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

namespace hubbub::tests {

/// A bus with faults at a test's command: a publish of type `crash` makes the room's handler throw,
/// and a read of `chat.breaks` that of whoever reads.
class fickle_bus final : public broker::event_bus {
public:
  explicit fickle_bus(std::unique_ptr<broker::event_bus> real) : real_{std::move(real)} {}

  /// Reads are not answered before `answer_reads`.
  bool holds_reads = false;
  /// How many reads there were.
  std::size_t reads = 0;
  /// Rooms hear of no event.
  bool deaf = false;
  /// Other rooms share the log's sequence, and are so far ahead: reads see its head there.
  std::uint64_t others_ahead = 0;
  /// All that was kept, heard of or not.
  std::vector<broker::stored_event_ptr> kept;

  /// The log is lost, and there is another.
  void begin_anew(std::unique_ptr<broker::event_bus> fresh) {
    const auto old = std::exchange(real_, std::move(fresh));
    for (auto* i : interests_)
      i->begin_anew();
  }
  /// So many events were lost on their way to the node's rooms.
  void lose(std::uint64_t count) {
    for (auto* i : interests_)
      i->lose(count);
  }
  void answer_reads() {
    holds_reads = false;
    for (auto& [what, done] : std::exchange(held_, {}))
      real_->read(std::move(what), std::move(done));
  }

  [[nodiscard]] std::unique_ptr<broker::interest>
  want(const broker::room_name& room, std::shared_ptr<broker::event_bus_handler> handler) override {
    return std::make_unique<fickle_interest>(*this, room,
                                             std::make_shared<fickle_handler>(*this, std::move(handler)));
  }
  void read(broker::read_request what, broker::read_handler done) override {
    if (what.room.str() == "chat.breaks")
      throw std::runtime_error{"asked to break"};
    ++reads;
    if (others_ahead != 0)
      done = [ahead = others_ahead, to = std::move(done)](broker::read_result r) {
        r.head.offset += ahead;
        to(std::move(r));
      };
    if (holds_reads)
      held_.emplace_back(std::move(what), std::move(done));
    else
      real_->read(std::move(what), std::move(done));
  }
  [[nodiscard]] broker::guarantee promises() const override { return real_->promises(); }
  [[nodiscard]] broker::refusal health() const override { return real_->health(); }

private:
  class fickle_handler final : public broker::event_bus_handler {
  public:
    fickle_handler(fickle_bus& bus, std::shared_ptr<broker::event_bus_handler> room)
        : bus_{bus}, room_{std::move(room)} {}
    /// The next `on_ready` is another log's.
    bool anew = false;
    void on_ready(broker::stream_position head) override {
      if (std::exchange(anew, false))
        return room_->on_epoch(std::move(head));
      room_->on_ready(std::move(head));
    }
    void on_unavailable(broker::refusal why) override { room_->on_unavailable(std::move(why)); }
    [[nodiscard]] bool on_event(broker::stored_event_ptr e) override {
      bus_.kept.push_back(e);
      return bus_.deaf || room_->on_event(std::move(e));
    }
    void on_stored(broker::publish_token token, broker::stored what) override {
      room_->on_stored(token, std::move(what));
    }
    void on_refused(broker::publish_token token, broker::publish_refused what) override {
      room_->on_refused(token, std::move(what));
    }
    void on_epoch(broker::stream_position head) override { room_->on_epoch(std::move(head)); }
    void on_lost(std::uint64_t count) override { room_->on_lost(count); }

  private:
    fickle_bus& bus_;
    std::shared_ptr<broker::event_bus_handler> room_;
  };
  class fickle_interest final : public broker::interest {
  public:
    fickle_interest(fickle_bus& bus, broker::room_name room, std::shared_ptr<fickle_handler> ear)
        : bus_{bus}, room_{std::move(room)}, ear_{std::move(ear)}, real_{bus.real_->want(room_, ear_)} {
      bus_.interests_.insert(this);
    }
    ~fickle_interest() override { bus_.interests_.erase(this); }
    void begin_anew() {
      ear_->anew = true;
      real_ = bus_.real_->want(room_, ear_);
    }
    void lose(std::uint64_t count) { ear_->on_lost(count); }
    void publish(broker::publish_token token, broker::event e) override {
      if (e.type == "crash")
        throw std::runtime_error{"asked to crash"};
      real_->publish(token, std::move(e));
    }
    void broadcast(const broker::event& e) override { real_->broadcast(e); }

  private:
    fickle_bus& bus_;
    broker::room_name room_;
    std::shared_ptr<fickle_handler> ear_;
    std::unique_ptr<broker::interest> real_;
  };
  std::unique_ptr<broker::event_bus> real_;
  std::vector<std::pair<broker::read_request, broker::read_handler>> held_;
  std::set<fickle_interest*> interests_;
};

} // namespace hubbub::tests
