#pragma once

#include "broker/errc.hpp"
#include "broker/room_name.hpp"
#include "broker/session_id.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hubbub::broker {

/// What backends may be told of.
enum class notice_kind : std::uint8_t {
  /// A client was welcomed: it is authenticated, or anonymous where that is allowed.
  connected,
  /// One that was welcomed is gone.
  disconnected,
  /// A room has its first reader on this node. Backends are told of the first in the cluster.
  occupied,
  /// A room has lost its last reader on this node. As before.
  vacated,
  /// A command or a handshake was refused.
  refused,
};
inline constexpr std::size_t notice_kinds = 5;
/// In their order.
inline constexpr std::array<std::string_view, notice_kinds> notice_names{"connected", "disconnected",
                                                                         "occupied", "vacated", "refused"};

/// Something that happened on this node. What does not belong to its kind is empty.
struct notice {
  notice_kind what{};
  session_id session;
  /// The verified user.
  std::string user;
  room_name room;
  /// A refusal's code, as the client saw it, and its sentence.
  std::string code;
  std::string message;
};

/// Where notices go. Any thread; returns at once. At most once: what cannot be told now is dropped and
/// counted; but `occupied` and `vacated`, which are the state of a room, are told at least once.
class notice_sink {
public:
  virtual ~notice_sink() = default;
  /// Is anybody to be told of that? Ask before making a notice.
  [[nodiscard]] virtual bool wants(notice_kind what) const noexcept = 0;
  virtual void put(notice n) = 0;
};

} // namespace hubbub::broker
