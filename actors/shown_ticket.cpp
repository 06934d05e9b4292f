#include "actors/shown_ticket.hpp"

#include "actors/node_metrics.hpp"

namespace hubbub::actors {

std::variant<broker::ticket, broker::ticket_flaw> open_shown_ticket(node_context& node, std::uint32_t loop,
                                                                    std::string_view text) {
  auto opened = node.tickets->open(text);
  if (const auto* t = std::get_if<broker::ticket>(&opened)) {
    // It may be of a time when this was another's to decide, or of a node that still has its old file.
    if (t->who.user.empty() && !node.anonymous)
      opened = broker::ticket_flaw::anonymous;
    else if (node.revoked && node.revoked->has(t->session, t->who))
      opened = broker::ticket_flaw::revoked;
  }
  if (const auto* flaw = std::get_if<broker::ticket_flaw>(&opened))
    node.counts.ticket_refused(loop, *flaw);
  return opened;
}

void mind_long_life(node_context& node, const broker::identity& who) {
  if (node.revoked && who.expires_ms - node.time.unix_ms() > node.revoked->keep().count())
    node.log.limited(broker::log_level::warn, "revocations", "long-life",
                     "a token lives longer than revocations are held: raise auth.revocation_ttl",
                     {{"user", who.user}});
}

} // namespace hubbub::actors
