#include "broker/tickets.hpp"

namespace hubbub::broker {

std::string_view name(ticket_flaw flaw) noexcept {
  switch (flaw) {
  case ticket_flaw::malformed:
    return "malformed";
  case ticket_flaw::older_version:
    return "older_version";
  case ticket_flaw::newer_version:
    return "newer_version";
  case ticket_flaw::foreign:
    return "foreign";
  case ticket_flaw::tampered:
    return "tampered";
  case ticket_flaw::expired:
    return "expired";
  case ticket_flaw::revoked:
    return "revoked";
  case ticket_flaw::anonymous:
    return "anonymous";
  }
  return "malformed";
}

refusal refused(ticket_flaw flaw) {
  switch (flaw) {
  case ticket_flaw::malformed:
    return {errc::unauthorized, "the ticket is malformed"};
  case ticket_flaw::older_version:
    return {errc::unauthorized, "the ticket is of an older version"};
  case ticket_flaw::newer_version:
    return {errc::unauthorized, "the ticket is of a newer version"};
  case ticket_flaw::foreign:
    return {errc::unauthorized, "the ticket was sealed with a key that is not known here"};
  case ticket_flaw::tampered:
    return {errc::unauthorized, "the ticket is not as it was sealed"};
  case ticket_flaw::expired:
    return {errc::expired, "the ticket has expired"};
  case ticket_flaw::revoked:
    return {errc::unauthorized, "the ticket was revoked"};
  case ticket_flaw::anonymous:
    return {errc::unauthorized, "the ticket names no user, and clients without a token are not welcome here"};
  }
  return {errc::unauthorized, "the ticket is malformed"};
}

} // namespace hubbub::broker
