#pragma once

#include "broker/roster_bus.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace hubbub::tests {

/// What several nodes of one test tell each other of their rooms' people. Nothing is lost unless the test
/// says so.
class roster_hub {
public:
  /// One node's end.
  class end final : public broker::roster_bus {
  public:
    end(roster_hub& hub, broker::owner_id owner) : hub_{hub}, owner_{owner} {}
    ~end() override = default;

    /// Nobody has answered yet when a room asks.
    bool answers_late = false;
    void answer_late() {
      answers_late = false;
      for (auto& [room, ear] : ears_)
        ear.settle(0);
    }
    /// The node is killed: it says nothing any more, and after its lease the others know.
    void die() {
      ears_.clear();
      for (auto& other : hub_.ends_)
        if (other.get() != this)
          for (auto& [room, ear] : other->ears_)
            ear.handler->on_owner_gone(owner_);
    }

    [[nodiscard]] std::unique_ptr<broker::roster_interest>
    want(const broker::room_name& room, std::shared_ptr<broker::roster_bus_handler> handler) override {
      ears_[room] = {std::move(handler)};
      std::size_t others = 0;
      for (auto& other : hub_.ends_)
        if (auto there = other->ears_.find(room); other.get() != this && there != other->ears_.end()) {
          ++others;
          there->second.handler->on_asked(std::to_string(owner_));
        }
      if (!answers_late)
        ears_[room].settle(others);
      return std::make_unique<interest>(*this, room);
    }
    void drain() override {}

  private:
    struct ear {
      std::shared_ptr<broker::roster_bus_handler> handler;
      /// How many have not answered yet.
      std::size_t missing = SIZE_MAX;
      bool synced = false;
      void settle(std::size_t now) {
        missing = now;
        if (missing == 0 && !std::exchange(synced, true))
          handler->on_synced();
      }
    };
    class interest final : public broker::roster_interest {
    public:
      interest(end& of, broker::room_name room) : of_{of}, room_{std::move(room)} {}
      ~interest() override { of_.ears_.erase(room_); }
      void tell(broker::roster_part own) override {
        own.owner = of_.owner_;
        for (auto& other : of_.hub_.ends_)
          if (auto there = other->ears_.find(room_); other.get() != &of_ && there != other->ears_.end())
            there->second.handler->on_part(own);
      }
      void answer(const broker::roster_asker& who, broker::roster_part all) override {
        all.owner = of_.owner_;
        for (auto& other : of_.hub_.ends_)
          if (std::to_string(other->owner_) == who) {
            auto& ear = other->ears_.at(room_);
            ear.handler->on_part(all);
            if (ear.missing != SIZE_MAX && ear.missing > 0)
              ear.settle(ear.missing - 1);
          }
      }

    private:
      end& of_;
      broker::room_name room_;
    };

    roster_hub& hub_;
    broker::owner_id owner_;
    std::map<broker::room_name, ear> ears_;
  };

  [[nodiscard]] end& join() {
    ends_.push_back(std::make_unique<end>(*this, ends_.size() + 1));
    return *ends_.back();
  }

private:
  std::vector<std::unique_ptr<end>> ends_;
};

} // namespace hubbub::tests
