#pragma once

#include "broker/audit.hpp"
#include "broker/clock.hpp"
#include "broker/notice.hpp"
#include "cluster/nats_link.hpp"
#include "cluster/subjects.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace hubbub::cluster {

/// Tells backends of what happens, on NATS' subjects `notify.*`, as JSON. At most `most_waiting` wait to be
/// sent; what comes beyond that, or while there is no connection, is dropped and counted. Any thread.
class nats_notices final : public broker::notice_sink, public broker::audit_sink {
public:
  static constexpr std::size_t most_waiting = 4096;

  /// `on` says of which kinds, in the order of `notice_names`, and then whether of what operators do. The
  /// link and the clock must outlive what waits to be sent: it is sent by the link's own thread.
  nats_notices(const subjects& names, std::string node, const std::array<bool, broker::notice_kinds + 1>& on,
               const broker::clock& time, nats_link& link);

  [[nodiscard]] bool wants(broker::notice_kind what) const noexcept override {
    return on_[static_cast<std::size_t>(what)];
  }
  void put(broker::notice n) override;
  void did(const broker::operator_action& a) override;

  [[nodiscard]] std::uint64_t sent() const noexcept { return queue_->sent; }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return queue_->dropped; }

private:
  struct waiting_notice {
    std::size_t kind;
    std::string text;
  };
  struct queue {
    std::mutex mutex;
    std::vector<waiting_notice> all;
    /// The link has been asked to send.
    bool asked = false;
    std::atomic<std::uint64_t> sent{0};
    std::atomic<std::uint64_t> dropped{0};
  };
  /// Behind the kinds of notices.
  static constexpr auto audit_kind = broker::notice_kinds;
  using subject_list = std::array<std::string, broker::notice_kinds + 1>;

  [[nodiscard]] std::string text_of(const broker::notice& n) const;
  [[nodiscard]] std::string text_of(const broker::operator_action& a) const;
  void send_soon(std::size_t kind, std::string text);
  static void send_all(queue& from, const subject_list& subjects, nats_link& by);

  const std::array<bool, broker::notice_kinds + 1> on_;
  subject_list subjects_;
  const std::string node_;
  const broker::clock& time_;
  nats_link& link_;
  const std::shared_ptr<queue> queue_;
};

} // namespace hubbub::cluster
