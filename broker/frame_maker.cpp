#include "broker/frame_maker.hpp"

#include "broker/protocol.hpp"
#include "broker/wire_frame.hpp"

namespace hubbub::broker {

void frame_maker::begin(const stored_event& e, bool live) {
  json_.clear();
  const auto key = protocol::encode_event(json_, e, !live);
  frame_json();
  const auto json_at = static_cast<std::uint32_t>(plain_.size() - json_.size());
  info_ = {e.offset, e.log_time_ms(), e.excluded, json_at + key.at, static_cast<std::uint16_t>(key.size)};
}

void frame_maker::begin_dropped(const room_name& room, std::uint64_t count, std::uint64_t offset,
                                std::int64_t time_ms) {
  json_.clear();
  protocol::encode_dropped(json_, room, count);
  frame_json();
  info_ = {offset, time_ms, {}, 0, 0};
}

void frame_maker::frame_json() {
  tried_ = compressed_ = false;
  plain_.clear();
  append_frame_header(plain_, json_.size(), false);
  plain_ += json_;
}

std::string_view frame_maker::frame(wire_format f) {
  if (f == wire_format::websocket)
    return plain_;
  // The index points at the key within the frame, so an event with a key stays readable.
  if (!tried_ && json_.size() >= worth_compressing && info_.key_size == 0) {
    body_.clear();
    compressed_ = deflater_.compress(body_, json_);
    if (compressed_) {
      packed_.clear();
      append_frame_header(packed_, body_.size(), true);
      packed_ += body_;
    }
  }
  tried_ = true;
  return compressed_ ? packed_ : plain_;
}

frame_info frame_maker::info(wire_format) const noexcept { return info_; }

} // namespace hubbub::broker
