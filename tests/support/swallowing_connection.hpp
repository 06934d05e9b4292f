#pragma once

#include "broker/connection.hpp"

namespace hubbub::tests {

/// Takes everything and keeps nothing.
class swallowing_connection final : public broker::connection {
public:
  void control(std::string_view) override {}
  void control_frame(std::string_view) override {}
  [[nodiscard]] std::size_t write(std::span<const std::string_view> slices) override {
    std::size_t n = 0;
    for (auto s : slices)
      n += s.size();
    taken += n;
    return n;
  }
  void keep(std::string_view) override {}
  [[nodiscard]] std::size_t control_bytes() const noexcept override { return 0; }
  void close(const broker::disconnect&) override {}
  void pause_reading() override {}
  void resume_reading() override {}
  [[nodiscard]] broker::steady_time last_received() const noexcept override { return {}; }
  [[nodiscard]] broker::steady_time last_sent() const noexcept override { return {}; }
  [[nodiscard]] broker::wire_format format() const noexcept override {
    return broker::wire_format::websocket;
  }
  std::size_t taken = 0;
};

} // namespace hubbub::tests
