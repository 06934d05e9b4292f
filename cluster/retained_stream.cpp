#include "cluster/retained_stream.hpp"

#include "cluster/attempts.hpp"
#include "cluster/epoch.hpp"

#include <utility>

namespace hubbub::cluster {
namespace {

using broker::errc;
using broker::log_level;

// Another node was first with making the stream, or nobody answered.
constexpr int tries_to_make = 4;

} // namespace

retained_stream::retained_stream(std::shared_ptr<jetstream_context> with, std::string space,
                                 const broker::policy& rules)
    : with_{std::move(with)},
      policy_{with_, std::move(space), rules},
      mark_{std::make_shared<stream_mark>(with_, policy_.name())},
      record_{with_->options.every, rules.history_age} {}

// -- looking ----------------------------------------------------------------------

void retained_stream::look(look_handler then) {
  {
    std::lock_guard lock{mutex_};
    if (then)
      waiting_.push_back(std::move(then));
    if (std::exchange(asking_, true))
      return;
  }
  ask();
}

void retained_stream::ask() {
  stream_record::before_look before;
  {
    std::lock_guard lock{mutex_};
    answered_next_ = std::exchange(waiting_, {});
    before = record_.before();
  }
  inquire(before, tries_to_make);
}

void retained_stream::inquire(const stream_record::before_look& before, int tries) {
  with_->link->request("$JS.API.STREAM.INFO." + name(), {}, {},
                       [self = shared_from_this(), before, tries](nats_link::fate f, const nats_message& m) {
                         self->told(f, m, before, tries);
                       });
}

void retained_stream::told(nats_link::fate f, const nats_message& m, const stream_record::before_look& before,
                           int tries) {
  const auto i = f == nats_link::fate::answered ? js::read_stream_info(m.data) : js::stream_info{};
  {
    std::lock_guard lock{mutex_};
    answers_ = f == nats_link::fate::answered && (!i.why || i.why.err_code == js::stream_not_found);
  }
  switch (f) {
  case nats_link::fate::not_sent:
  case nats_link::fate::too_large:
    return finish({errc::unavailable, "there is no connection to NATS"});
  case nats_link::fate::nobody:
    return finish({errc::unavailable, "the NATS server " + with_->link->server() + " has no JetStream"});
  case nats_link::fate::unknown:
    return finish({errc::unavailable, "stream " + name() + " has no leader that answers"});
  case nats_link::fate::answered:
    break;
  }
  if (i.why.err_code == js::stream_not_found)
    return make(before, tries - 1);
  if (i.why.err_code == js::not_enabled || i.why.err_code == js::not_enabled_for_account)
    return finish({errc::unavailable,
                   "the NATS server " + with_->link->server() + " has no JetStream for this account"});
  if (i.why)
    return finish({errc::unavailable, "stream " + name() + " cannot be used: " + i.why.description});
  judge(i, before);
}

void retained_stream::judge(const js::stream_info& i, const stream_record::before_look& before) {
  auto j = policy_.judge(i);
  if (!j.unusable.empty())
    return give_up_on(std::move(j.unusable));
  if (j.is_newer)
    with_->log.limited(log_level::info, "nats", name() + "-newer",
                       "a node with a newer policy has configured the stream; it stays as it is",
                       {{"stream", name()}, {"generation", j.found.generation}});
  if (j.is_other)
    with_->log.limited(log_level::error, "nats", name() + "-other",
                       "another node has configured the stream by another policy of the same generation; "
                       "it stays as it is",
                       {{"stream", name()}, {"generation", j.found.generation}});
  stream_record::verdict seen;
  {
    std::lock_guard lock{mutex_};
    seen = record_.judge(i, j.found, before, now());
  }
  if (!seen.over.empty()) {
    with_->log.error("nats", seen.over, {{"stream", name()}, {"from", before.known}, {"at", seen.at}});
    j.right.life = next_life(life_of(i, j.right));
    return update(i, j.right, !j.is_foreign());
  }
  if (seen.contradicted)
    with_->log.limited(log_level::warn, "nats", name() + "-over",
                       "the stream's leader has another event in a place than one had before it",
                       {{"stream", name()}, {"at", seen.at}});
  if (seen.thinned) {
    with_->log.limited(
        log_level::warn, "nats", name() + "-thinned",
        "events are gone that no limit took: they were purged, deleted, or lost by the server, and "
        "who may have missed them is told of a gap",
        {{"stream", name()}});
    if (j.right.raised < i.last_seq) { // else another node was first
      j.right.raised = i.last_seq;
      return update(i, j.right, !j.is_foreign());
    }
  }
  const auto wanted = policy_.wanted(j.right);
  if (j.is_foreign() || i.config == wanted)
    return adopt(i);
  if (j.was_ours)
    with_->log.warn("nats", "the stream's configuration was changed by somebody else; it is put right",
                    {{"stream", name()}});
  if (i.config.max_msgs_per_subject > 0 && i.config.max_msgs_per_subject < wanted.max_msgs_per_subject)
    j.right.raised = i.last_seq;
  update(i, j.right, true);
}

stream_record::moment retained_stream::now() const {
  return {std::chrono::steady_clock::now(), with_->time.unix_ms()};
}

void retained_stream::adopt(const js::stream_info& i) {
  stream_record::news news;
  std::string epoch;
  {
    std::lock_guard lock{mutex_};
    news = record_.adopt(i, now());
    epoch = record_.epoch();
  }
  if (news.purged)
    with_->log.warn("nats", "what the stream had is gone all at once: somebody has purged it",
                    {{"stream", name()}});
  if (news.new_life)
    with_->log.error("nats", "the stream has begun anew: what was in it is lost, and clients are told",
                     {{"stream", name()}});
  if (news.new_leader)
    with_->log.limited(log_level::info, "nats", name() + "-leader",
                       "the stream has a new leader; what the former one did not republish is looked for",
                       {{"stream", name()}, {"leader", i.leader}});
  mark_->looked(i, epoch, [weak = weak_from_this(), epoch](std::uint64_t sequence) {
    if (const auto self = weak.lock())
      self->written_over({epoch, sequence});
  });
  if (news.new_life)
    return finish({errc::ok}, new_life_);
  if (news.new_leader && new_leader_)
    return finish({errc::ok}, [&] { new_leader_(news.settled); });
  finish({errc::ok});
}

void retained_stream::give_up_on(std::string why) {
  broker::refusal state{errc::unavailable, std::move(why)};
  {
    std::lock_guard lock{mutex_};
    unusable_ = state;
  }
  finish(state);
}

void retained_stream::make(const stream_record::before_look& before, int tries) {
  auto note = policy_.fresh_note();
  note.id = new_epoch();
  with_->link->request(
      "$JS.API.STREAM.CREATE." + name(), {}, js::to_json(policy_.wanted(note)),
      [self = shared_from_this(), before, tries](nats_link::fate f, const nats_message& m) {
        const auto i = f == nats_link::fate::answered ? js::read_stream_info(m.data) : js::stream_info{};
        // Where several nodes make it at once, one of them does; some of the others hear nothing of theirs.
        if (tries > 0 && (f == nats_link::fate::unknown || i.why.err_code == js::stream_name_in_use))
          return self->inquire(before, tries);
        if (f == nats_link::fate::answered && !i.why)
          self->with_->log.info("nats", "a stream was made", {{"stream", self->name()}});
        self->changed(f, m, {}, false);
      });
}

void retained_stream::update(const js::stream_info& from, const stream_note& note, bool ours) {
  auto right = ours ? policy_.wanted(note) : from.config;
  right.description = note.str();
  // Servers before 2.10 cannot change that.
  auto refused = policy_.is_republished(from.config) ? std::string{} : policy_.not_republished();
  auto another = false;
  {
    std::lock_guard lock{mutex_};
    another = record_.is_another(from);
  }
  with_->link->request(
      "$JS.API.STREAM.UPDATE." + name(), {}, js::to_json(right),
      [self = shared_from_this(), refused = std::move(refused),
       another](nats_link::fate f, const nats_message& m) { self->changed(f, m, refused, another); });
}

void retained_stream::changed(nats_link::fate f, const nats_message& m, const std::string& refused,
                              bool another) {
  if (f != nats_link::fate::answered)
    return finish({errc::unavailable, "stream " + name() + " could not be configured: nobody answers"});
  const auto i = js::read_stream_info(m.data);
  if (!i.why)
    return adopt(i);
  auto why =
      refused.empty() ? "stream " + name() + " could not be configured: " + i.why.description : refused;
  // One that was only changed still is what rooms think it is.
  if (!refused.empty() || another)
    return give_up_on(std::move(why));
  finish({errc::unavailable, std::move(why)});
}

void retained_stream::finish(const broker::refusal& state, const std::function<void()>& news) {
  std::vector<look_handler> told;
  js::stream_info i;
  auto again = false;
  auto worse = false;
  {
    std::lock_guard lock{mutex_};
    worse = state_.code == errc::ok && state.code != errc::ok;
    state_ = state;
    if (state.code == errc::ok)
      unusable_ = state;
    told.swap(answered_next_);
    i = record_.info();
    again = asking_ = !waiting_.empty();
  }
  if (state.code != errc::ok) {
    i = {};
    i.why = {1, 0, state.message};
    if (worse && with_->link->is_connected())
      with_->log.limited(log_level::warn, "nats", name() + "-state", state.message);
  }
  attempts made;
  if (news)
    made.make(news);
  for (auto& f : told)
    made.make([&] { f(i); });
  if (again)
    ask();
  made.rethrow();
}

// -- what is known -----------------------------------------------------------------

broker::refusal retained_stream::state() const {
  std::lock_guard lock{mutex_};
  return state_;
}
broker::refusal retained_stream::silence() const {
  if (!with_->link->is_connected())
    return {errc::unavailable, "there is no connection to the log"};
  std::lock_guard lock{mutex_};
  if (answers_)
    return {errc::ok};
  return state_.code != errc::ok
             ? state_
             : broker::refusal{errc::unavailable, "stream " + name() + " does not answer"};
}
bool retained_stream::answers() const {
  std::lock_guard lock{mutex_};
  return answers_ && unusable_.code == errc::ok && with_->link->is_connected();
}
broker::refusal retained_stream::unusable() const {
  std::lock_guard lock{mutex_};
  return unusable_;
}
broker::refusal retained_stream::unreadable() const {
  auto why = unusable();
  return why.code != errc::ok ? why : silence();
}
std::string retained_stream::epoch() const {
  std::lock_guard lock{mutex_};
  return record_.epoch();
}
broker::stream_position retained_stream::reached() const {
  std::lock_guard lock{mutex_};
  return record_.reached();
}
void retained_stream::saw(const broker::stream_position& at) {
  std::lock_guard lock{mutex_};
  record_.saw(at);
}
void retained_stream::written_over(const broker::stream_position& at) {
  {
    std::lock_guard lock{mutex_};
    if (!record_.note_written_over(at))
      return;
  }
  // One that is on its way was asked before. Who waits for the next one has it made.
  look([](const js::stream_info&) {});
}
broker::milliseconds retained_stream::age() const {
  std::lock_guard lock{mutex_};
  return std::chrono::duration_cast<broker::milliseconds>(
      std::chrono::nanoseconds{record_.info().config.max_age_ns});
}
std::uint64_t retained_stream::settled_last() const {
  std::lock_guard lock{mutex_};
  return record_.settled_last();
}
std::int64_t retained_stream::settled_at() const {
  std::lock_guard lock{mutex_};
  return record_.settled_at();
}
js::stream_info retained_stream::info() const {
  std::lock_guard lock{mutex_};
  return record_.info();
}
std::uint64_t retained_stream::raised_at() const {
  std::lock_guard lock{mutex_};
  return record_.raised();
}

} // namespace hubbub::cluster
