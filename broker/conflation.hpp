#pragma once

#include "broker/session_id.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace hubbub::broker {

/// The newest frame of a key.
struct conflated {
  std::uint64_t offset = 0;
  session_id excluded;
  std::string frame;
};

/// The newest frame of each key among those that a tape gave up; bounded by
/// the number of keys: beyond it the key that was silent longest goes.
/// Not synchronised: the tape guards it.
class conflation {
public:
  explicit conflation(std::uint32_t keys) : keys_{keys} {}

  /// Offsets rise from call to call. Returns by how many bytes it grew (or shrank).
  std::int64_t add(std::string_view key, conflated newest);
  /// Gives up the key that was silent longest. Returns how many bytes that was.
  std::size_t drop_oldest();
  /// All behind `offset`, oldest first.
  [[nodiscard]] std::vector<conflated> after(std::uint64_t offset) const;
  [[nodiscard]] std::size_t size() const noexcept { return by_offset_.size(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view t) const noexcept { return std::hash<std::string_view>{}(t); }
  };
  struct row {
    std::string key;
    conflated newest;
  };
  std::uint32_t keys_;
  std::size_t bytes_ = 0;
  std::map<std::uint64_t, row> by_offset_;
  std::unordered_map<std::string, std::uint64_t, text_hash, std::equal_to<>> by_key_;
};

} // namespace hubbub::broker
