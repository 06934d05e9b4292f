#include "broker/recovery.hpp"

#include <algorithm>

namespace hubbub::broker {

recovery::recovery(const room_name& room, const policy& rules, const stream_position& since,
                   const stream_position& head, bool whole, std::int64_t now_ms) noexcept
    : room_{room},
      rules_{rules},
      since_{since},
      head_{head},
      same_epoch_{since.epoch == head.epoch},
      same_life_{same_epoch_ && since.offset <= head.offset},
      oldest_wanted_ms_{whole ? 0 : now_ms - rules.recover_age.count()},
      oldest_kept_ms_{now_ms - rules.history_age.count()} {}

std::optional<starting_point> recovery::on_tape(const tape_view& view) const {
  if (!same_life_)
    return std::nullopt;
  if (since_.offset == head_.offset)
    return starting_point{since_.offset, true, {}};
  const auto found = view.find(since_.offset);
  if (!found)
    return std::nullopt;
  // The tape has all that followed, so it can tell what the log has given up since.
  auto at = *found;
  if (view.count_from(at.place) > rules_.history_size)
    at = *view.last(rules_.history_size);
  at = view.not_before(at, std::max(oldest_wanted_ms_, oldest_kept_ms_));
  if (at.offset == found->offset)
    return starting_point{at.offset, true, {}};
  const auto* next = view.first_after(at);
  return behind(at.offset, next ? std::optional{next->offset} : std::nullopt);
}

read_request recovery::question() const {
  read_request what{room_, same_epoch_ ? since_.offset : 0, 0, 1};
  what.not_before_ms = oldest_wanted_ms_;
  return what;
}

starting_point recovery::in_log(const read_result& said) const {
  const auto reached = same_life_ || (same_epoch_ && since_.offset <= said.head.offset);
  if ((reached && said.complete) || (same_epoch_ && since_.offset == said.head.offset)) {
    // Where rooms share a log's sequences, an empty room stands where the log was when it opened, on another
    // node perhaps later.
    if (since_.offset > head_.offset && said.events.empty())
      return {head_.offset, true, {}, since_.offset};
    return {since_.offset, true, {}};
  }
  if (said.events.empty()) // when it was asked; what came meanwhile follows
    return behind(said.head.offset, std::nullopt);
  const auto first = said.events.front()->offset;
  return behind(first - 1, first);
}

std::optional<starting_point> recovery::in_log(const read_result& said, std::uint64_t asked) const {
  if (since_.offset <= asked) // what is not there behind that place is not there behind those before it
    return since_.offset == asked || !said.complete ? std::optional{in_log(said)} : std::nullopt;
  const auto whole = said.is_whole_behind(since_.offset, asked);
  if (!whole)
    return std::nullopt;
  return *whole ? starting_point{since_.offset, true, {}} : in_log(said);
}

starting_point recovery::behind(std::uint64_t offset, std::optional<std::uint64_t> first) const {
  return {offset, false, gap{room_, since_.offset, first}};
}

} // namespace hubbub::broker
