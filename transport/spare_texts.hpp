#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hubbub::transport {

/// Empty strings that have some capacity: lent to whoever has bytes to keep for a moment, so that
/// neither those who often do allocate each time nor those who seldom do hold memory. One thread.
class spare_texts {
public:
  [[nodiscard]] std::unique_ptr<std::string> take() {
    if (resting_.empty())
      return std::make_unique<std::string>();
    auto text = std::move(resting_.back());
    resting_.pop_back();
    return text;
  }
  void give(std::unique_ptr<std::string> text) {
    if (resting_.size() == most || text->capacity() > largest)
      return;
    text->clear();
    resting_.push_back(std::move(text));
  }

private:
  static constexpr std::size_t most = 64;
  static constexpr std::size_t largest = 16'384;

  std::vector<std::unique_ptr<std::string>> resting_;
};

} // namespace hubbub::transport
