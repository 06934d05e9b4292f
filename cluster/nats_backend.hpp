#pragma once

#include "broker/backend.hpp"
#include "broker/clock.hpp"
#include "broker/errc.hpp"
#include "broker/log.hpp"
#include "broker/notice.hpp"
#include "broker/policy.hpp"
#include "cluster/backend_reply.hpp"
#include "cluster/nats_notices.hpp"
#include "cluster/nats_options.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace hubbub::cluster {

struct backend_options {
  /// Requests that may wait for an answer, or have one that its client has not taken.
  std::uint32_t requests = 1024;
  /// The most that an answer may have.
  std::size_t answer_bytes = 65'536;
  /// Which notices are sent, in the order of `notice_names`.
  std::array<bool, broker::notice_kinds> notices{};
  /// Is what operators do told, too?
  bool audit = false;
};

/// What became of requests, for metrics.
struct backend_counters {
  using outcomes = std::array<std::atomic<std::uint64_t>, request_outcomes>;
  outcomes publishes{};
  outcomes calls{};
  /// Places that are taken.
  std::atomic<std::uint32_t> places{0};
};

/// Backends that listen to NATS' subjects. Has a connection of its own, so that neither events nor presence
/// wait for what backends do; a request's deadline is `nats_options::timeout`. Any thread; nothing waits but
/// `open` and the end.
class nats_backend final : public broker::backend {
public:
  /// Connects; waits for the network. A refusal (`unavailable`) names the server in one sentence. `time` and
  /// `log` must outlive this.
  [[nodiscard]] static broker::result<std::unique_ptr<nats_backend>>
  open(const nats_options& options, const backend_options& how, const broker::namespaces& spaces,
       const broker::clock& time, broker::log_sink& log);
  /// Answers what waits (`lost`), and waits a moment until the last notices have gone.
  ~nats_backend() override;
  nats_backend(const nats_backend&) = delete;
  nats_backend& operator=(const nats_backend&) = delete;

  void publish(broker::event e, broker::session_id session, broker::backend_handler done) override;
  void call(broker::backend_call what, broker::backend_handler done) override;

  [[nodiscard]] broker::notice_sink& notices() noexcept { return notices_; }
  [[nodiscard]] broker::audit_sink& audits() noexcept { return notices_; }
  [[nodiscard]] std::uint64_t notices_sent() const noexcept { return notices_.sent(); }
  [[nodiscard]] std::uint64_t notices_dropped() const noexcept { return notices_.dropped(); }
  [[nodiscard]] const backend_counters& counters() const noexcept { return *counters_; }

private:
  nats_backend(const nats_options& options, const backend_options& how, const broker::namespaces& spaces,
               subjects names, const broker::clock& time, std::unique_ptr<nats_link> link);
  /// Null: all are taken.
  [[nodiscard]] std::shared_ptr<const void> take_place();
  void ask(const std::string& subject, const nats_link::headers& with, std::string_view data,
           backend_counters::outcomes& counted, broker::refusal nobody, bool wants_data,
           broker::backend_handler done);

  const backend_options how_;
  const broker::namespaces spaces_;
  const subjects names_;
  // What an answer's handler holds may outlive this.
  const std::shared_ptr<backend_counters> counters_;
  const std::shared_ptr<nats_link> link_;
  nats_notices notices_;
};

} // namespace hubbub::cluster
