#include "actors/node_metrics.hpp"

namespace hubbub::actors {
namespace {

constexpr auto tokens_verified = "hubbub_tokens_verified_total";
constexpr auto tokens_verified_help = "Tokens whose signature and claims were looked at";
constexpr auto log_refused = "hubbub_log_refused_total";
constexpr auto log_refused_help =
    "Publishes that the log did not confirm, by what is known of them; nothing that a backend refused";

} // namespace

node_metrics::node_metrics(broker::metrics& all)
    : published{all.counter("hubbub_events_published_total",
                            "Events that rooms took, duplicates not counted")},
      duplicates{all.counter("hubbub_events_duplicate_total", "Publishes that were recognised as repeated")},
      not_stored{all.counter(log_refused, log_refused_help, {{"outcome", "not_stored"}})},
      perhaps_stored{all.counter(log_refused, log_refused_help, {{"outcome", "unknown"}})},
      commands{all.counter("hubbub_commands_total", "Commands that clients sent")},
      connections{all.gauge("hubbub_connections", "Open connections")},
      joins{all.gauge("hubbub_joins", "Joined rooms, summed over the connections")},
      room_crashes{all.counter("hubbub_room_crashes_total", "Rooms that ended by an error and were rebuilt")},
      connection_crashes{all.counter("hubbub_connection_crashes_total",
                                     "Connections that ended by an error on the server's side")},
      log_pulls{all.counter("hubbub_log_pulls_total", "Reads of the log for readers behind their tape")},
      room_reads{all.counter("hubbub_room_reads_total",
                             "Reads of the log by rooms, for their tapes and for those who join")},
      tickets_too_large{all.counter("hubbub_tickets_too_large_total",
                                    "Tickets that were not given because the user has too many grants")},
      ticket_handshakes{
          all.counter("hubbub_ticket_handshakes_total", "Handshakes with a ticket that counted")},
      culprits_refused{
          all.counter("hubbub_culprits_refused_total",
                      "Clients that were told to come later because their sessions keep crashing")},
      tokens_good{all.counter(tokens_verified, tokens_verified_help, {{"outcome", "ok"}})},
      tokens_refused{all.counter(tokens_verified, tokens_verified_help, {{"outcome", "refused"}})},
      all_{all} {}

void node_metrics::refused(std::uint32_t loop, std::string code) {
  all_.counter("hubbub_refused_total", "Commands refused, by error code", {{"code", std::move(code)}})
      .add(loop);
}

void node_metrics::refused(std::uint32_t loop, broker::errc code) { refused(loop, std::string{name(code)}); }

void node_metrics::refused_by_backend(std::uint32_t loop) { refused(loop, "backend"); }
void node_metrics::resumed(std::uint32_t loop, std::string_view outcome) {
  all_.counter("hubbub_resumes_total", "Sessions that went on, by what came of their rooms",
               {{"outcome", std::string{outcome}}})
      .add(loop);
}

void node_metrics::ticket_refused(std::uint32_t loop, broker::ticket_flaw flaw) {
  all_.counter("hubbub_tickets_refused_total", "Tickets that were shown and refused, by reason",
               {{"reason", std::string{name(flaw)}}})
      .add(loop);
}

void node_metrics::closed(std::uint32_t loop, broker::close_code code) {
  all_.counter("hubbub_goodbyes_total", "Connections that the server closed, by close code",
               {{"code", std::to_string(static_cast<int>(code))}})
      .add(loop);
}

} // namespace hubbub::actors
