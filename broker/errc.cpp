#include "broker/errc.hpp"

#include <stdexcept>

namespace hubbub::broker {

std::string_view name(errc code) noexcept {
  switch (code) {
  case errc::ok:
    return "ok";
  case errc::bad_frame:
    return "bad_frame";
  case errc::bad_command:
    return "bad_command";
  case errc::bad_room:
    return "bad_room";
  case errc::unauthorized:
    return "unauthorized";
  case errc::expired:
    return "expired";
  case errc::forbidden:
    return "forbidden";
  case errc::not_joined:
    return "not_joined";
  case errc::already_joined:
    return "already_joined";
  case errc::too_large:
    return "too_large";
  case errc::too_many_rooms:
    return "too_many_rooms";
  case errc::too_many_connections:
    return "too_many_connections";
  case errc::rate_limited:
    return "rate_limited";
  case errc::overloaded:
    return "overloaded";
  case errc::unavailable:
    return "unavailable";
  case errc::invalid_data:
    return "invalid_data";
  case errc::no_such_method:
    return "no_such_method";
  case errc::timeout:
    return "timeout";
  case errc::not_supported:
    return "not_supported";
  case errc::internal:
    return "internal";
  case errc::gone:
    return "gone";
  }
  return "internal";
}

void throw_exception_from_error(const refusal& why, const boost::source_location&) {
  throw std::logic_error{"unexpected refusal: " + std::string{name(why.code)} + ": " + why.message};
}

} // namespace hubbub::broker
