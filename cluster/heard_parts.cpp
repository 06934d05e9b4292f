#include "cluster/heard_parts.hpp"

#include <algorithm>
#include <utility>

namespace hubbub::cluster {

heard_parts::outcome heard_parts::hear(part_message&& m, std::size_t& pieces_bytes, std::size_t most_bytes) {
  auto& from = of(m.part.owner);
  const auto number = m.number;
  const auto follows = m.part.whole ? number > from.have : from.have != 0 && number == from.have + 1;
  from.newest = std::max(from.newest, number);
  if (!follows)
    return {std::nullopt, from.newest > from.have};
  const auto last = m.last;
  auto part = assembled(from, std::move(m), pieces_bytes, most_bytes);
  if (!part)
    return {std::nullopt, last || !from.pieces};
  from.have = number;
  from.times_asked = 0;
  // What a node says comes in the order in which it says it, so a whole part is the newest there was.
  if (part->whole)
    from.newest = number;
  const auto empty = part->whole && part->count == 0;
  const auto news = !empty || from.shown;
  from.shown = !empty;
  outcome o;
  if (news)
    o.tell = std::move(part);
  o.behind = from.newest > from.have;
  return o;
}

std::optional<broker::roster_part> heard_parts::assembled(ear& from, part_message&& m,
                                                          std::size_t& pieces_bytes, std::size_t most_bytes) {
  const auto drop = [&] {
    if (from.pieces)
      pieces_bytes -= from.pieces->bytes();
    from.pieces.reset();
  };
  if (m.piece == 0) {
    drop();
    if (m.last)
      return std::move(m.part);
    from.pieces = std::make_unique<part_pieces>(std::move(m));
    pieces_bytes += from.pieces->bytes();
  } else if (from.pieces) {
    const auto last = m.last;
    pieces_bytes -= from.pieces->bytes();
    const auto fits = from.pieces->add(std::move(m));
    pieces_bytes += from.pieces->bytes();
    if (!fits) {
      drop();
    } else if (last) {
      pieces_bytes -= from.pieces->bytes();
      return std::move(*std::exchange(from.pieces, nullptr)).take();
    }
  }
  if (pieces_bytes > most_bytes)
    drop();
  return std::nullopt;
}

bool heard_parts::hear(broker::owner_id owner, std::uint64_t number) {
  auto& from = of(owner);
  if (number < from.have) {
    // Its own word of now: what came before in its name was not its.
    from.have = 0;
    from.newest = number;
  }
  from.newest = std::max(from.newest, number);
  return from.newest > from.have;
}

void heard_parts::agree(broker::owner_id owner) noexcept {
  if (auto* from = find(owner)) {
    from->newest = from->have;
    from->times_asked = 0;
  }
}

bool heard_parts::is_behind(broker::owner_id owner) const noexcept {
  const auto* from = find(owner);
  return from != nullptr && from->newest > from->have;
}

std::uint64_t heard_parts::have(broker::owner_id owner) const noexcept {
  const auto* from = find(owner);
  return from == nullptr ? 0 : from->have;
}

bool heard_parts::forget(broker::owner_id owner, std::size_t& pieces_bytes) {
  auto* from = find(owner);
  if (from == nullptr)
    return false;
  if (from->pieces)
    pieces_bytes -= from->pieces->bytes();
  const auto shown = from->shown;
  ears_->erase(ears_->begin() + (from - ears_->data()));
  if (ears_->empty())
    ears_.reset();
  return shown;
}

void heard_parts::clear(std::size_t& pieces_bytes) {
  if (!ears_)
    return;
  for (const auto& from : *ears_)
    if (from.pieces)
      pieces_bytes -= from.pieces->bytes();
  ears_.reset();
}

bool heard_parts::begin_asking(broker::owner_id owner) {
  auto& from = of(owner);
  return !std::exchange(from.asking, true);
}

void heard_parts::end_asking(broker::owner_id owner) {
  if (auto* from = find(owner))
    from->asking = false;
}

std::uint32_t heard_parts::ask_again(broker::owner_id owner) {
  auto& from = of(owner);
  from.times_asked = std::min<std::uint8_t>(from.times_asked + 1, 16);
  return from.times_asked;
}

heard_parts::ear* heard_parts::find(broker::owner_id owner) noexcept {
  if (!ears_)
    return nullptr;
  const auto it =
      std::find_if(ears_->begin(), ears_->end(), [owner](const ear& e) { return e.owner == owner; });
  return it == ears_->end() ? nullptr : &*it;
}

const heard_parts::ear* heard_parts::find(broker::owner_id owner) const noexcept {
  if (!ears_)
    return nullptr;
  const auto it =
      std::find_if(ears_->begin(), ears_->end(), [owner](const ear& e) { return e.owner == owner; });
  return it == ears_->end() ? nullptr : &*it;
}

heard_parts::ear& heard_parts::of(broker::owner_id owner) {
  if (auto* known = find(owner))
    return *known;
  if (!ears_)
    ears_ = std::make_unique<std::vector<ear>>();
  ears_->emplace_back().owner = owner;
  return ears_->back();
}

} // namespace hubbub::cluster
