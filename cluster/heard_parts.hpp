#pragma once

#include "cluster/part_pieces.hpp"
#include "cluster/presence_message.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace hubbub::cluster {

/// How far one room has heard the other owners, by the numbers of their parts. One thread at a time.
class heard_parts {
public:
  /// What to do after something was heard.
  struct outcome {
    /// Tell the room this.
    std::optional<broker::roster_part> tell;
    /// Something of this owner's is missing.
    bool behind = false;
  };

  /// A part, or a piece of one. `pieces_bytes` is what all unfinished parts take, and `most_bytes` how much
  /// they may.
  [[nodiscard]] outcome hear(part_message&& m, std::size_t& pieces_bytes, std::size_t most_bytes);
  /// `owner` says that its newest part has that number. True: something is missing.
  [[nodiscard]] bool hear(broker::owner_id owner, std::uint64_t number);
  /// `owner` says that it has nothing newer than what is here.
  void agree(broker::owner_id owner) noexcept;
  [[nodiscard]] bool is_behind(broker::owner_id owner) const noexcept;
  /// The number of the newest part that is here; 0: none.
  [[nodiscard]] std::uint64_t have(broker::owner_id owner) const noexcept;
  /// True: the room was told of people of this owner.
  [[nodiscard]] bool forget(broker::owner_id owner, std::size_t& pieces_bytes);
  void clear(std::size_t& pieces_bytes);

  /// Is an ask under way? Once at a time; how often it was asked since something was heard.
  [[nodiscard]] bool begin_asking(broker::owner_id owner);
  void end_asking(broker::owner_id owner);
  [[nodiscard]] std::uint32_t ask_again(broker::owner_id owner);

private:
  struct ear {
    broker::owner_id owner = 0;
    /// The newest part here, and the newest that there is.
    std::uint64_t have = 0;
    std::uint64_t newest = 0;
    std::unique_ptr<part_pieces> pieces;
    std::uint8_t times_asked = 0;
    bool asking = false;
    /// The room has people of this owner.
    bool shown = false;
  };
  [[nodiscard]] ear* find(broker::owner_id owner) noexcept;
  [[nodiscard]] const ear* find(broker::owner_id owner) const noexcept;
  [[nodiscard]] ear& of(broker::owner_id owner);
  [[nodiscard]] std::optional<broker::roster_part>
  assembled(ear& from, part_message&& m, std::size_t& pieces_bytes, std::size_t most_bytes);

  // A room is on few nodes, and mostly on this one only: null.
  std::unique_ptr<std::vector<ear>> ears_;
};

} // namespace hubbub::cluster
