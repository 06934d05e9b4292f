#pragma once

#include "broker/connection.hpp"
#include "broker/deflate.hpp"
#include "broker/wire_frame.hpp"

#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hubbub::tests {

/// A connection whose socket is a string: takes `room` bytes, then is full.
class fake_connection final : public broker::connection {
public:
  explicit fake_connection(broker::wire_format f = broker::wire_format::websocket) : format_{f} {}

  /// How many more bytes the socket takes.
  std::size_t room = SIZE_MAX;
  /// What arrived at the client.
  std::string out;
  std::optional<broker::disconnect> closed;
  bool reading = true;
  std::size_t writes = 0;
  /// Of what `messages` has returned.
  std::size_t compressed = 0;
  broker::steady_time received{}, sent{};
  /// How often it was asked when it was received from: with each look at its heartbeat.
  mutable std::size_t looks = 0;
  /// For so long the client's host has acknowledged nothing.
  std::chrono::milliseconds silent{0};

  void control(std::string_view message) override {
    broker::append_text_frame(lane_, message);
    flush();
  }
  void control_frame(std::string_view frame) override {
    lane_ += frame;
    flush();
  }
  [[nodiscard]] std::size_t write(std::span<const std::string_view> slices) override {
    ++writes;
    flush();
    if (blocked_)
      return 0;
    std::size_t gone = 0;
    for (auto s : slices) {
      const auto n = take(s);
      gone += n;
      if (n < s.size()) {
        blocked_ = true;
        break;
      }
    }
    return gone;
  }
  void keep(std::string_view rest) override {
    lane_.insert(0, rest);
    kept_ += rest.size();
  }
  [[nodiscard]] std::size_t control_bytes() const noexcept override { return lane_.size() - kept_; }
  [[nodiscard]] std::size_t unsent_bytes() const noexcept override { return lane_.size(); }
  [[nodiscard]] std::chrono::milliseconds unacknowledged_for() const noexcept override { return silent; }
  void close(const broker::disconnect& why) override {
    if (!closed)
      closed = why;
  }
  void pause_reading() override { reading = false; }
  void resume_reading() override { reading = true; }
  [[nodiscard]] broker::steady_time last_received() const noexcept override {
    ++looks;
    return received;
  }
  [[nodiscard]] broker::steady_time last_sent() const noexcept override { return sent; }
  [[nodiscard]] broker::wire_format format() const noexcept override { return format_; }

  /// The client reads: the socket takes `bytes` more. True: all of the lane is gone and it may be written to.
  bool drain(std::size_t bytes) {
    room = bytes;
    blocked_ = false;
    flush();
    return !blocked_;
  }

  /// The text of all whole frames that arrived since the last call, compressed ones expanded.
  std::vector<std::string> messages() {
    std::vector<std::string> found;
    std::size_t at = 0;
    while (out.size() - at >= 2) {
      const auto* p = reinterpret_cast<const unsigned char*>(out.data()) + at;
      std::uint64_t size = p[1] & 127u;
      std::size_t head = 2;
      if (size >= 126) {
        const auto wide = size == 126 ? 2u : 8u;
        head += wide;
        if (out.size() - at < head)
          break;
        size = 0;
        for (auto i = 0u; i < wide; ++i)
          size = size << 8 | p[2 + i];
      }
      if (out.size() - at < head + size)
        break;
      found.push_back(text_of(p[0], std::string_view{out}.substr(at + head, size)));
      at += head + size;
    }
    out.erase(0, at);
    return found;
  }

private:
  std::string text_of(unsigned first_byte, std::string_view payload) {
    if ((first_byte & 0x40u) == 0)
      return std::string{payload};
    ++compressed;
    std::string text;
    broker::inflater expands;
    if (expands.expand(text, payload, 1 << 20) != broker::inflater::outcome::done)
      return "a compressed frame that does not expand";
    return text;
  }
  std::size_t take(std::string_view bytes) {
    const auto n = std::min(room, bytes.size());
    out.append(bytes.substr(0, n));
    if (room != SIZE_MAX)
      room -= n;
    return n;
  }
  void flush() {
    if (blocked_)
      return;
    const auto gone = take(lane_);
    lane_.erase(0, gone);
    kept_ -= std::min(gone, kept_); // it stands before all else
    if (!lane_.empty())
      blocked_ = true;
  }
  broker::wire_format format_;
  std::string lane_;
  std::size_t kept_ = 0; ///< of the lane, what is left of an event
};

} // namespace hubbub::tests
