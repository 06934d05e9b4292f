#pragma once

#include "broker/clock.hpp"
#include "broker/log.hpp"
#include "cluster/epoch.hpp"
#include "cluster/nats_event.hpp"
#include "cluster/nats_link.hpp"
#include "cluster/nats_options.hpp"
#include "cluster/subjects.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace hubbub::cluster {

/// What went wrong with messages that anybody may have written; each is logged once a minute, too.
struct nats_counters {
  /// Messages on a subject of ours that were none of ours.
  std::atomic<std::uint64_t> foreign{0};
  /// Payloads that were no JSON value.
  std::atomic<std::uint64_t> not_json{0};
  /// Headers passed over.
  std::atomic<std::uint64_t> bad_headers{0};
  /// Republished events that never came, found by comparing with the log.
  std::atomic<std::uint64_t> missed{0};
  /// Events of live rooms that other nodes sent and that never came.
  std::atomic<std::uint64_t> live_lost{0};
  /// Orders of operators that could not be understood.
  std::atomic<std::uint64_t> bad_orders{0};
  /// Orders that were understood, and could not be carried out.
  std::atomic<std::uint64_t> refused_orders{0};
};

/// What all parts of a NATS bus share. Outlives the bus in its interests; the link is closed by then, and
/// the clock and the log are not used any more. Any thread.
struct jetstream_context {
  jetstream_context(nats_options o, subjects s, const broker::clock& t, broker::log_sink& l,
                    std::unique_ptr<nats_link> made)
      : options{std::move(o)}, names{std::move(s)}, time{t}, log{l}, link{std::move(made)} {}

  const nats_options options;
  const subjects names;
  const broker::clock& time;
  broker::log_sink& log;
  const std::unique_ptr<nats_link> link;
  nats_counters counters;

  /// An id for an event that came without: a retry needs one, and the log's offset is known too late.
  [[nodiscard]] std::string new_event_id() {
    return link->id().substr(0, 8) + '.' + std::to_string(++last_id_);
  }

  /// Names one life of a live room here; `live_senders` reads it.
  [[nodiscard]] std::uint64_t new_life() noexcept { return ++last_life_; }
  [[nodiscard]] std::string incarnation(std::uint64_t life) const {
    return link->id() + '-' + std::to_string(life);
  }
  /// Of any of its rooms' lives.
  [[nodiscard]] bool is_own(std::string_view incarnation) const noexcept {
    return incarnation.starts_with(link->id());
  }

  void note_bad_room() {
    ++counters.foreign;
    log.limited(broker::log_level::warn, "nats", "bad-room",
                "a stream holds a message on a subject that is no room's name");
  }
  void note(const event_flaws& f, const broker::room_name& room) {
    if (f.not_json) {
      ++counters.not_json;
      log.limited(broker::log_level::warn, "nats", "not-json",
                  "a message that is no JSON value goes to clients as base64", {{"room", room.str()}});
    }
    if (f.headers) {
      ++counters.bad_headers;
      log.limited(broker::log_level::warn, "nats", "bad-header",
                  "a header of a message is too long or not printable, and was passed over",
                  {{"room", room.str()}});
    }
  }

private:
  std::atomic<std::uint64_t> last_id_{0};
  std::atomic<std::uint64_t> last_life_{0};
};

} // namespace hubbub::cluster
