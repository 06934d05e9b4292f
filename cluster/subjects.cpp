#include "cluster/subjects.hpp"

#include "broker/session_id.hpp"

#include <algorithm>

namespace hubbub::cluster {

broker::result<subjects> subjects::under(std::string_view prefix) {
  if (!broker::is_namespace_name(prefix))
    return broker::refusal{broker::errc::bad_room,
                           "the prefix of NATS subjects must have 1 to 64 of A-Z, a-z, 0-9, _ and -"};
  return subjects{prefix};
}

broker::refusal subjects::undeclared(std::string_view space) {
  return {broker::errc::bad_room, "namespace `" + std::string{space} +
                                      "` is not declared: on NATS each namespace is a stream of its own"};
}

subjects::subjects(std::string_view prefix)
    : prefix_{prefix},
      in_{prefix_ + ".rooms."},
      out_{prefix_ + ".out."},
      live_{prefix_ + ".live."},
      presence_{prefix_ + ".presence."},
      streams_{prefix} {
  std::transform(streams_.begin(), streams_.end(), streams_.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
}

std::string subjects::tail_of(std::string_view space) { return std::string{space} + ".>"; }

std::string subjects::to_node(std::uint64_t owner) const {
  return prefix_ + ".node.to." + broker::session_id{owner}.str();
}

std::string subjects::stream(std::string_view space) const { return streams_ + '_' + std::string{space}; }

std::string subjects::canary_stream() const { return streams_ + "=canary"; }

std::string subjects::canary_in(std::string_view node) const {
  return prefix_ + ".canary." + std::string{node};
}

std::string subjects::canary_out(std::string_view node) const {
  return prefix_ + ".canary-out." + std::string{node};
}

std::optional<broker::room_name> subjects::room_in(std::string_view subject) const {
  if (!subject.starts_with(in_))
    return std::nullopt;
  auto name = broker::room_name::parse(subject.substr(in_.size()));
  if (!name)
    return std::nullopt;
  return std::move(*name);
}

} // namespace hubbub::cluster
