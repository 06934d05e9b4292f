#include "broker/presence_view.hpp"

#include <algorithm>
#include <cassert>

namespace hubbub::broker {

namespace {

std::size_t member_bytes(const member_ptr& m) noexcept { return m ? m->bytes() : 0; }

std::string_view step_user(const roster_step& s) noexcept { return (s.after ? s.after : s.before)->user(); }

} // namespace

void roster_steps::append(std::uint64_t version, roster_step step) {
  auto full = [](const segment& s) { return s.used == s.capacity || s.bytes > max_bytes / 8; };
  if (segments_.empty() || full(*segments_.back())) {
    // Small at first: most rooms have few people and few changes.
    auto capacity = segments_.empty() ? 4U : std::min(64U, segments_.back()->capacity * 2);
    segments_.push_back(std::make_shared<segment>());
    auto& s = *segments_.back();
    s.first = version;
    s.capacity = capacity;
    s.steps = std::make_unique<roster_step[]>(capacity);
  }
  auto& s = *segments_.back();
  assert(s.first + s.used == version);
  auto bytes = member_bytes(step.before) + member_bytes(step.after);
  s.steps[s.used++] = std::move(step);
  s.bytes += bytes;
  bytes_ += bytes;
  ++steps_;
  while (segments_.size() > 1 && (steps_ > max_steps || bytes_ > max_bytes)) {
    steps_ -= segments_.front()->used;
    bytes_ -= segments_.front()->bytes;
    segments_.erase(segments_.begin());
  }
}

void roster_steps::clear() noexcept {
  segments_.clear();
  steps_ = bytes_ = 0;
}

const roster_step& roster_steps::at(std::uint64_t version) const noexcept {
  auto behind = std::ranges::upper_bound(segments_, version, {}, [](const auto& s) { return s->first; });
  assert(behind != segments_.begin());
  const auto& s = **std::prev(behind);
  return s.steps[version - s.first];
}

std::optional<std::vector<member>> presence_view::members() const {
  if (!state_.members)
    return std::nullopt;
  return state_.members->all();
}

member_page presence_view::page(std::size_t limit, std::string_view after) const {
  member_page p;
  p.count = state_.count;
  if (!state_.members)
    return p;
  auto size = state_.members->size();
  auto wanted = limit == 0 ? size : std::min(limit, size);
  p.members = state_.members->page(after, wanted + 1);
  p.more = p.members.size() > wanted;
  if (p.more)
    p.members.pop_back();
  return p;
}

bool presence_view::bridged(std::uint64_t from) const noexcept {
  auto first = state_.steps.first();
  return first != 0 && from + 1 >= first && from != 0 && from <= state_.version;
}

presence_change presence_view::reset() const {
  presence_change c;
  c.room = state_.room;
  c.version = state_.version;
  c.count = state_.count;
  c.reset = true;
  c.join = state_.members->all();
  return c;
}

std::optional<presence_change> presence_view::since(std::uint64_t from) const {
  if (from == state_.version)
    return std::nullopt;
  presence_change c;
  c.room = state_.room;
  c.version = state_.version;
  c.count = state_.count;
  if (!state_.members)
    return c;
  if (!bridged(from))
    return reset();
  std::vector<const roster_step*> steps;
  steps.reserve(state_.version - from);
  for (auto v = from + 1; v <= state_.version; ++v)
    steps.push_back(&state_.steps.at(v));
  std::ranges::stable_sort(steps, {}, [](const roster_step* s) { return step_user(*s); });
  for (auto it = steps.begin(); it != steps.end();) {
    auto first = it;
    it = std::find_if(first, steps.end(),
                      [&](const roster_step* s) { return step_user(*s) != step_user(**first); });
    const auto& before = (*first)->before;
    const auto& after = (*std::prev(it))->after;
    if (!before && after)
      c.join.push_back(after->copy());
    else if (before && !after)
      c.leave.push_back({.user = std::string{before->user()}, .user_info = {}, .info = {}, .connections = 0});
    else if (before && *before != *after)
      c.update.push_back(after->copy());
  }
  if (c.join.empty() && c.leave.empty() && c.update.empty())
    return std::nullopt;
  return c;
}

} // namespace hubbub::broker
