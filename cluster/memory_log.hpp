#pragma once

#include "broker/clock.hpp"
#include "broker/policy.hpp"
#include "broker/supervisor.hpp"
#include "cluster/dedup_bound.hpp"
#include "cluster/log.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace hubbub::cluster {

class memory_store;

/// The log in memory. A publish is kept, delivered and confirmed before it returns, on the caller's
/// thread; there is no lock that rooms of different threads are likely to share. Any thread.
class memory_log final : public log {
public:
  /// `time` must outlive the log and its interests. `answers` for the log's thread; null: nobody does.
  memory_log(const broker::namespaces& spaces, const broker::clock& time,
             broker::supervisor* answers = nullptr,
             const std::shared_ptr<dedup_bound>& ids = std::make_shared<dedup_bound>());
  ~memory_log() override;

  [[nodiscard]] std::unique_ptr<broker::interest>
  want(const broker::room_name& room, std::shared_ptr<broker::event_bus_handler> handler) override;
  void read(broker::read_request what, broker::read_handler done) override;
  [[nodiscard]] broker::guarantee promises() const override;
  [[nodiscard]] broker::refusal health() const override;
  [[nodiscard]] const std::string& epoch() const noexcept override;

  /// Frees what is past its age. A thread of the log's own does it every few seconds.
  void sweep();

private:
  void sweep_in_turn();

  std::shared_ptr<memory_store> store_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread sweeper_;
};

} // namespace hubbub::cluster
