#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace hubbub::daemon {

/// The secrets that open the admin listener. Keeps only their hashes; any thread.
class admin_keys {
public:
  /// `open`: no key is asked for.
  admin_keys(const std::vector<std::string>& keys, bool open);

  /// Does an Authorization header (`Bearer <key>`) open it? Takes the same time for every wrong key.
  [[nodiscard]] bool opened_by(std::string_view authorization) const;

private:
  using hash = std::array<unsigned char, 32>;
  static hash hash_of(std::string_view key);

  std::vector<hash> hashes_;
  bool open_;
};

} // namespace hubbub::daemon
