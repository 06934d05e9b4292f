#include "broker/recovery.hpp"

#include <algorithm>

namespace hubbub::broker {

recovery::recovery(const room_name& room, const policy& rules, const stream_position& since,
                   const stream_position& head, bool whole, std::int64_t now_ms) noexcept
    : room_{room},
      rules_{rules},
      since_{since},
      head_{head},
      same_life_{since.epoch == head.epoch && since.offset <= head.offset},
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
  read_request what{room_, same_life_ ? since_.offset : 0, 0, 1};
  what.not_before_ms = oldest_wanted_ms_;
  return what;
}

starting_point recovery::in_log(const read_result& said) const {
  const auto had_the_newest = since_.epoch == head_.epoch && since_.offset == said.head.offset;
  if (had_the_newest || (same_life_ && said.complete))
    return {since_.offset, true, {}};
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
