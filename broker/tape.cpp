#include "broker/tape.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace hubbub::broker {
namespace {

// A quiet room's first segment holds an event or two; each further one is as large as all before it.
constexpr std::size_t smallest_segment = 512;
constexpr std::size_t largest_segment = 65'536;
// While there is no room for a larger one: a tape keeps its newest segment, whatever the budget.
constexpr std::size_t segment_in_need = 4096;

/// What all tapes have before their first frame: many rooms are joined in which nothing happens. Not owned.
std::shared_ptr<const std::vector<segment_ptr>> no_segments() noexcept {
  static const std::vector<segment_ptr> none;
  return {std::shared_ptr<void>{}, &none};
}

} // namespace

cursor tape_view::tail() const noexcept {
  if (list_->empty())
    return head_;
  const auto& first = *list_->front();
  return {first.place(), first.after()};
}

tape_view::place_of tape_view::locate(std::uint64_t place) const noexcept {
  // Nearly every reader stands in the newest segment.
  auto i = list_->size() - 1;
  while (i > 0 && (*list_)[i]->place() > place)
    --i;
  const auto& s = *(*list_)[i];
  const auto n = count(i);
  // The first frame that ends behind `place` is the one that begins there.
  return {i, s.find_end(static_cast<std::uint32_t>(place - s.place()) + 1, n)};
}

std::size_t tape_view::slices(std::uint64_t from, session_id who, std::vector<std::string_view>& out,
                              std::vector<std::uint64_t>& places) const {
  std::size_t total = 0;
  const auto put = [&](const segment& s, std::uint32_t at, std::uint32_t end) {
    if (end <= at)
      return;
    out.emplace_back(s.bytes() + at, end - at);
    places.push_back(s.place() + at);
    total += end - at;
  };
  if (from >= head_.place)
    return 0;
  const auto start = locate(from);
  for (auto i = start.segment; i < list_->size(); ++i) {
    const auto& s = *(*list_)[i];
    const auto n = count(i);
    if (n == 0)
      continue;
    auto at = static_cast<std::uint32_t>(std::max(from, s.place()) - s.place());
    if (who && s.has_excluded())
      for (auto f = i == start.segment ? start.index : 0; f < n; ++f)
        if (s.info(f).excluded == who) {
          put(s, at, s.begin(f));
          at = s.end(f);
        }
    put(s, at, s.end(n - 1));
  }
  return total;
}

bool tape_view::hides_any(std::uint64_t from) const noexcept {
  for (auto i = list_->size(); i-- > 0;) {
    const auto& s = *(*list_)[i];
    const auto n = count(i);
    if (n > 0 && s.has_excluded() && s.place() + s.end(n - 1) > from)
      return true;
    if (s.place() <= from)
      break;
  }
  return false;
}

std::uint64_t tape_view::hidden(std::uint64_t from, std::uint64_t to, session_id who) const noexcept {
  std::uint64_t found = 0;
  if (from >= to || !who || list_->empty())
    return found;
  const auto start = locate(from);
  for (auto i = start.segment; i < list_->size(); ++i) {
    const auto& s = *(*list_)[i];
    const auto n = count(i);
    if (!s.has_excluded())
      continue;
    for (auto f = i == start.segment ? start.index : 0; f < n && s.place() + s.end(f) <= to; ++f)
      found += s.info(f).excluded == who ? 1 : 0;
  }
  return found;
}

tape_view::boundary tape_view::boundary_at(std::uint64_t place) const noexcept {
  if (list_->empty())
    return {head_, {}};
  auto i = list_->size() - 1;
  while (i > 0 && (*list_)[i]->place() >= place)
    --i;
  const auto& s = *(*list_)[i];
  const auto at = static_cast<std::uint32_t>(place - s.place());
  if (at == 0)
    return {{s.place(), s.after()}, {}};
  const auto f = s.find_end(at, count(i));
  return {{s.place() + s.end(f), s.info(f).offset}, {s.bytes() + at, s.end(f) - at}};
}

std::optional<cursor> tape_view::find(std::uint64_t offset) const noexcept {
  if (offset < tail().offset)
    return std::nullopt;
  if (list_->empty())
    return cursor{head_.place, offset};
  auto i = list_->size() - 1;
  while (i > 0 && (*list_)[i]->after() > offset)
    --i;
  const auto& s = *(*list_)[i];
  const auto f = s.find_after(offset, count(i));
  if (f == 0)
    return cursor{s.place(), std::max(s.after(), offset)};
  return cursor{s.place() + s.end(f - 1), offset};
}

std::optional<cursor> tape_view::last(std::uint32_t n) const noexcept {
  if (n == 0)
    return head_;
  for (auto i = list_->size(); i-- > 0;) {
    const auto& s = *(*list_)[i];
    const auto here = count(i);
    if (n <= here) {
      const auto f = here - n;
      return cursor{s.place() + s.begin(f), f == 0 ? s.after() : s.info(f - 1).offset};
    }
    n -= here;
  }
  return std::nullopt;
}

std::uint64_t tape_view::count_from(std::uint64_t place) const noexcept {
  if (place >= head_.place)
    return 0;
  const auto start = locate(place);
  std::uint64_t n = 0;
  for (auto i = start.segment; i < list_->size(); ++i)
    n += count(i) - (i == start.segment ? start.index : 0);
  return n;
}

const frame_info* tape_view::first_after(cursor from) const noexcept {
  if (from.place >= head_.place)
    return nullptr;
  auto at = locate(from.place);
  while (at.index >= count(at.segment)) {
    if (++at.segment == list_->size())
      return nullptr;
    at.index = 0;
  }
  return &(*list_)[at.segment]->info(at.index);
}

cursor tape_view::not_before(cursor from, std::int64_t time_ms) const noexcept {
  if (from.place >= head_.place)
    return from;
  const auto start = locate(from.place);
  for (auto i = start.segment; i < list_->size(); ++i) {
    const auto& s = *(*list_)[i];
    for (auto f = i == start.segment ? start.index : 0; f < count(i); ++f) {
      if (s.info(f).time_ms >= time_ms)
        return from;
      from = {s.place() + s.end(f), s.info(f).offset};
    }
  }
  return from;
}

tape::tape(options o, tape_budget& budget, std::uint64_t after)
    : options_{o}, budget_{budget}, after_{after}, list_{no_segments()} {}

tape::~tape() {
  budget_.forget(*this);
  budget_.remove(all_bytes());
}

tape_view tape::look() const {
  std::shared_ptr<const segment_list> list;
  {
    std::lock_guard hold{mutex_};
    list = list_;
  }
  return view_of(std::move(list));
}

tape_view tape::view_of(std::shared_ptr<const segment_list> list) const {
  tape_view v;
  v.list_ = std::move(list);
  if (v.list_->empty()) {
    v.head_ = {0, after_};
    return v;
  }
  const auto& newest = *v.list_->back();
  v.last_count_ = newest.count();
  v.head_ = v.last_count_ == 0 ? cursor{newest.place(), newest.after()}
                               : cursor{newest.place() + newest.end(v.last_count_ - 1),
                                        newest.info(v.last_count_ - 1).offset};
  return v;
}

void tape::append(std::string_view frame, const frame_info& info) {
  if (newest_ && newest_->append(frame, info))
    return;
  add_segment(frame, info);
}

void tape::add_segment(std::string_view frame, const frame_info& info) {
  const auto at_least = segment::cost(frame.size());
  auto size = std::clamp(bytes(), smallest_segment, largest_segment);
  size = std::max(std::min<std::size_t>(size, options_.bytes / 4), at_least);
  if (!budget_.has_room(size))
    size = std::max(std::min(size, segment_in_need), at_least);
  cursor at{0, after_};
  if (newest_) {
    const auto last = newest_->count() - 1;
    at = {newest_->place() + newest_->end(last), newest_->info(last).offset};
  }
  const auto next = segment::make(size, at.place, at.offset);
  [[maybe_unused]] const auto fits = next->append(frame, info);
  auto ranked_anew = false;
  {
    std::shared_ptr<const segment_list> before; // let go outside the lock
    std::lock_guard hold{mutex_};
    auto grown = std::make_shared<segment_list>();
    grown->reserve(list_->size() + 1);
    grown->assign(list_->begin(), list_->end());
    grown->push_back(next);
    // Up to here there may have been no memory, and nothing has changed; whatever follows leaves it whole.
    auto& all = *grown;
    before = std::exchange(list_, std::move(grown));
    newest_ = next.get();
    bytes_ += next->capacity();
    budget_.add(next->capacity());
    while (all.size() > 1 && bytes_ > options_.bytes)
      trim_oldest(all);
    ranked_anew = worth() != ranked_;
  }
  if (ranked_anew || !budget_.has_room())
    budget_.changed(*this);
}

std::size_t tape::bytes() const {
  std::lock_guard hold{mutex_};
  return bytes_;
}

std::size_t tape::held() const {
  std::lock_guard hold{mutex_};
  return all_bytes();
}

std::size_t tape::all_bytes() const noexcept { return bytes_ + (conflation_ ? conflation_->bytes() : 0); }

std::size_t tape::worth() const noexcept {
  return list_->size() > 1 || (conflation_ && conflation_->size() > 0) ? all_bytes() : 0;
}

tape_budget::rank_change tape::rank() {
  std::lock_guard hold{mutex_};
  const auto was = std::exchange(ranked_, worth());
  return {was, ranked_};
}

tape_budget::rank_change tape::give_up() {
  std::shared_ptr<const segment_list> before; // let go outside the lock
  std::lock_guard hold{mutex_};
  if (list_->size() > 1) {
    auto rest = std::make_shared<segment_list>(*list_);
    trim_oldest(*rest);
    before = std::exchange(list_, std::move(rest));
  } else if (conflation_ && conflation_->size() > 0) {
    budget_.remove(conflation_->drop_oldest());
  }
  const auto was = std::exchange(ranked_, worth());
  return {was, ranked_};
}

void tape::trim_oldest(segment_list& from) {
  const auto oldest = from.front();
  // Under the same lock as the list, so that whoever sees the new tail also sees what was given up. What
  // needs memory comes first.
  for (std::uint32_t f = 0; options_.conflate_keys > 0 && f < oldest->count(); ++f) {
    const auto& info = oldest->info(f);
    if (info.key_size == 0)
      continue;
    if (!conflation_)
      conflation_ = std::make_unique<conflation>(options_.conflate_keys);
    const auto grown =
        conflation_->add(oldest->key(f), {info.offset, info.excluded, std::string{oldest->frame(f)}});
    budget_.add(static_cast<std::uint64_t>(grown)); // wraps rightly when it shrank
  }
  for (std::uint32_t f = 0; !excluded_.empty() && f < oldest->count(); ++f)
    if (const auto who = oldest->info(f).excluded)
      excluded_.add(who);
  from.erase(from.begin());
  bytes_ -= oldest->capacity();
  budget_.remove(oldest->capacity());
}

tape::overtaken_look tape::look_overtaken(session_id who, std::uint64_t offset) const {
  overtaken_look o;
  std::lock_guard hold{mutex_};
  o.view = view_of(list_);
  o.excluded = excluded_.of(who);
  if (conflation_)
    o.newest = conflation_->after(offset);
  return o;
}

void tape::expect(session_id who) {
  if (!options_.count_excluded)
    return;
  std::lock_guard hold{mutex_};
  excluded_.expect(who);
}

void tape::forget(session_id who) {
  std::lock_guard hold{mutex_};
  excluded_.forget(who);
}

} // namespace hubbub::broker
