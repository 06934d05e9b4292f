#pragma once

#include "broker/connection.hpp"
#include "broker/deflate.hpp"
#include "broker/event.hpp"
#include "broker/segment.hpp"

#include <string>
#include <string_view>

namespace hubbub::broker {

/// Makes wire frames of events: encoded once, compressed at most once, for all
/// who share them. One for each loop; its loop only.
class frame_maker {
public:
  /// Begins with `e`. `live`: without its offset.
  void begin(const stored_event& e, bool live);

  /// Begins with a notice: `count` of a live room's events never came here.
  void begin_dropped(const room_name& room, std::uint64_t count, std::uint64_t offset, std::int64_t time_ms);

  /// The frame for a format, valid until the next `begin`.
  [[nodiscard]] std::string_view frame(wire_format f);
  /// What the index knows of that frame.
  [[nodiscard]] frame_info info(wire_format f) const noexcept;

private:
  // Below this a compressed frame is hardly shorter, and everyone pays for opening it.
  static constexpr std::size_t worth_compressing = 256;

  /// Makes `plain_` of `json_`.
  void frame_json();

  frame_info info_;
  bool compressed_ = false;
  bool tried_ = false;
  std::string json_;
  std::string plain_;
  std::string body_;
  std::string packed_;
  deflater deflater_;
};

} // namespace hubbub::broker
