#include "cluster/stream_record.hpp"

#include "cluster/epoch.hpp"

#include <algorithm>
#include <utility>

namespace hubbub::cluster {
namespace {

// A new leader may not have caught up with itself yet when it is first asked.
constexpr int sure_of_set_back = 3;

stream_note note_of(const js::stream_info& i) {
  return stream_note::parse(i.config.description).value_or(stream_note{});
}

/// Seen twice in one life: has it a part of what it had, and less than its limits have left it? Each event
/// that comes takes one away at the most, so one to which more comes than goes does not show it; nor does one
/// with an event of half its age at `now_ms`, since clocks differ.
bool has_less_than_limits_left(const js::stream_info& was, const js::stream_info& is,
                               std::int64_t now_ms) noexcept {
  const auto& a = was.config;
  const auto& b = is.config;
  const auto same_limits = a.max_msgs_per_subject == b.max_msgs_per_subject && a.max_age_ns == b.max_age_ns &&
                           a.max_msgs == b.max_msgs && a.max_bytes == b.max_bytes;
  const auto age_ms = a.max_age_ns / 1'000'000;
  const auto is_young = age_ms == 0 || now_ms - was.first_time_ms < age_ms / 2;
  return is.messages < was.messages && is.first_seq <= was.last_seq && is.last_seq >= was.last_seq &&
         same_limits && is_young;
}

/// Did all of it go at once? The newest goes last of all when it is too old, and because there are too many
/// only when as many have come since as a room may have.
bool is_purged(const js::stream_info& was, const js::stream_info& is, broker::milliseconds age,
               std::int64_t now_ms) {
  const auto came = is.last_seq - std::min(is.last_seq, was.last_seq);
  const auto most = std::min(is.config.max_msgs_per_subject, was.config.max_msgs_per_subject);
  return was.messages > 0 && is.first_seq > was.last_seq &&
         (is.messages == 0 || most <= 0 || came < static_cast<std::uint64_t>(most)) &&
         (age.count() == 0 || now_ms - was.last_time_ms < age.count());
}

} // namespace

std::string life_of(const js::stream_info& i, const stream_note& n) {
  return i.config.name + ' ' + (n.id.empty() ? i.created : n.id) + ' ' + n.life;
}

std::string next_life(const std::string& life) { return short_name(life + " and the next"); }

stream_record::verdict stream_record::judge(const js::stream_info& i, const stream_note& note,
                                            const before_look& before, const moment& now) {
  const auto life = life_of(i, note);
  const auto same = life_ == life;
  if (same && !note.id.empty() && i.created_ms > created_ms_ + every_.made_again.count())
    return {"the stream was made again as it was: what was in it is lost", i.last_seq};
  if (is_set_back(i.last_seq, same ? before.known : 0, now))
    return {"the stream was set back: what was published last is lost", i.last_seq};
  verdict v;
  // Another node may have begun the next life already, or somebody made the stream anew.
  if (before.written_over.epoch == short_name(life)) {
    if (i.config.replicas == 1)
      return {"the stream was set back and written over: what was published last is lost, and other events "
              "are in its place",
              before.written_over.offset};
    // Leaders of nats-server 2.9 that were stopped and go on contradict those that follow them. A new life
    // each time would take everybody's place for what the next leader may put right.
    v.contradicted = true;
    v.at = before.written_over.offset;
    if (written_over_ == before.written_over)
      written_over_ = {};
  }
  v.thinned = same && has_less_than_limits_left(info_, i, now.unix_ms);
  return v;
}

/// Somebody restored it, or its server lost the end of it. What asks for looks may do so many times in a
/// moment, and a leader needs longer.
bool stream_record::is_set_back(std::uint64_t last, std::uint64_t known, const moment& now) {
  if (last >= known)
    set_back_ = 0;
  else if (set_back_ == 0 || now.steady - set_back_at_ >= every_.canary) {
    ++set_back_;
    set_back_at_ = now.steady;
  }
  return set_back_ >= sure_of_set_back;
}

void stream_record::begin(const js::stream_info& i, std::string life) {
  life_ = std::move(life);
  epoch_ = short_name(life_);
  created_ms_ = i.created_ms;
  known_last_ = i.last_seq;
  settled_last_ = i.last_seq;
  raised_ = 0;
  set_back_ = 0;
  leader_.clear();
  written_over_ = {};
}

stream_record::news stream_record::adopt(const js::stream_info& i, const moment& now) {
  const auto note = note_of(i);
  const auto at =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.steady.time_since_epoch()).count();
  news n;
  if (auto life = life_of(i, note); life != life_) {
    n.new_life = !life_.empty();
    begin(i, std::move(life));
    settled_at_ = at;
  } else {
    n.settled = {epoch_, settled_last_};
    n.new_leader = !leader_.empty() && !i.leader.empty() && i.leader != leader_;
    n.purged = is_purged(info_, i, age_, now.unix_ms);
    settled_last_ = std::max(settled_last_, info_.last_seq);
    settled_at_ = looked_at_;
  }
  if (set_back_ == 0)
    known_last_ = std::max(known_last_, i.last_seq);
  raised_ = std::max(raised_, note.raised);
  if (!i.leader.empty())
    leader_ = i.leader;
  info_ = i;
  looked_at_ = at;
  return n;
}

bool stream_record::is_another(const js::stream_info& i) const {
  return !life_.empty() && life_ != life_of(i, note_of(i));
}

void stream_record::saw(const broker::stream_position& at) {
  if (at.epoch == epoch_)
    known_last_ = std::max(known_last_, at.offset);
}

bool stream_record::note_written_over(const broker::stream_position& at) {
  if (at.epoch != epoch_)
    return false;
  written_over_ = at;
  return true;
}

} // namespace hubbub::cluster
