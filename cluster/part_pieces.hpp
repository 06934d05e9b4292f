#pragma once

#include "cluster/presence_message.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace hubbub::cluster {

/// About how many bytes a part takes.
[[nodiscard]] std::size_t bytes_of(const broker::roster_part& part) noexcept;

/// The messages in which a part goes: one, unless it is larger than `most_bytes`. Texts that no other node
/// would take are left out: who has such a name is counted and not shown.
[[nodiscard]] std::vector<part_message> split(part_message whole, std::size_t most_bytes);

/// Puts the pieces of one part together again. One thread at a time.
class part_pieces {
public:
  explicit part_pieces(part_message first);

  /// False: it is not the next piece of this part.
  [[nodiscard]] bool add(part_message&& next);
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  /// Once the last piece was added.
  [[nodiscard]] broker::roster_part take() && { return std::move(sum_.part); }

private:
  part_message sum_;
  std::size_t bytes_;
};

} // namespace hubbub::cluster
