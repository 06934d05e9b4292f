#pragma once

#include "broker/disconnect.hpp"
#include "broker/errc.hpp"
#include "broker/metrics.hpp"
#include "broker/tickets.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace hubbub::actors {

/// What the actors count.
struct node_metrics {
  explicit node_metrics(broker::metrics& all);

  broker::metric_counter& published;
  broker::metric_counter& duplicates;
  /// Publishes that the log did not confirm, because it could not be reached or did not answer.
  broker::metric_counter& not_stored;
  broker::metric_counter& perhaps_stored;
  broker::metric_counter& commands;
  broker::metric_gauge& connections;
  broker::metric_gauge& joins;
  broker::metric_counter& room_crashes;
  broker::metric_counter& connection_crashes;
  broker::metric_counter& log_pulls;
  /// Reads of the log by rooms, for their tapes and for those who join.
  broker::metric_counter& room_reads;
  broker::metric_counter& tickets_too_large;
  broker::metric_counter& ticket_handshakes;
  broker::metric_counter& culprits_refused;
  broker::metric_counter& tokens_good;
  broker::metric_counter& tokens_refused;

  /// Counts a refusal by its code's name.
  void refused(std::uint32_t loop, broker::errc code);
  /// The same for a code that a backend made.
  void refused_by_backend(std::uint32_t loop);
  /// Counts a `resume` by what came of it.
  void resumed(std::uint32_t loop, std::string_view outcome);
  void ticket_refused(std::uint32_t loop, broker::ticket_flaw flaw);
  /// Counts a goodbye by its close code.
  void closed(std::uint32_t loop, broker::close_code code);

private:
  void refused(std::uint32_t loop, std::string code);

  broker::metrics& all_;
};

} // namespace hubbub::actors
