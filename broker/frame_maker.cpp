#include "broker/frame_maker.hpp"

#include "broker/protocol.hpp"
#include "broker/wire_frame.hpp"

namespace hubbub::broker {

void frame_maker::begin(const stored_event& e, bool live) {
  event_ = &e;
  tried_ = compressed_ = false;
  json_.clear();
  const auto key = protocol::encode_event(json_, e, !live);
  plain_.clear();
  append_frame_header(plain_, json_.size(), false);
  key_size_ = static_cast<std::uint16_t>(key.size);
  key_at_ = static_cast<std::uint32_t>(plain_.size()) + key.at;
  plain_ += json_;
}

std::string_view frame_maker::frame(wire_format f) {
  if (f == wire_format::websocket)
    return plain_;
  // The index points at the key within the frame, so an event with a key stays readable.
  if (!tried_ && json_.size() >= worth_compressing && key_size_ == 0) {
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

frame_info frame_maker::info(wire_format) const noexcept {
  return {event_->offset, event_->time_ms, event_->excluded, key_at_, key_size_};
}

} // namespace hubbub::broker
