#include "cluster/stream_policy.hpp"

#include "cluster/epoch.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace hubbub::cluster {
namespace {

constexpr std::int64_t shortest_ns = 100'000'000;

std::int64_t ns(broker::milliseconds ms) { return std::chrono::nanoseconds{ms}.count(); }

std::string hash_of(js::stream_config c) {
  c.description.clear();
  return short_name(js::to_json(c));
}

} // namespace

stream_policy::stream_policy(std::shared_ptr<const jetstream_context> with, std::string space,
                             const broker::policy& rules)
    : with_{std::move(with)}, space_{std::move(space)}, rules_{rules}, name_{with_->names.stream(space_)} {}

js::stream_config stream_policy::wanted(const stream_note& note) const {
  js::stream_config c;
  c.name = name_;
  c.description = note.str();
  c.subject = with_->names.all_in(space_);
  c.republish_from = c.subject;
  c.republish_to = with_->names.all_out(space_);
  c.max_msgs_per_subject = std::max<std::int64_t>(rules_.history_size, 1);
  c.max_age_ns = rules_.history_age.count() > 0 ? std::max(ns(rules_.history_age), shortest_ns) : 0;
  c.duplicate_window_ns = std::max(ns(rules_.dedup_window), shortest_ns);
  if (c.max_age_ns > 0) // JetStream remembers no id for longer than events
    c.duplicate_window_ns = std::min(c.duplicate_window_ns, c.max_age_ns);
  c.max_msg_size = static_cast<std::int32_t>(with_->options.payload_bytes + nats_headers_bytes);
  c.replicas = with_->options.replicas;
  c.allow_direct = true;
  return c;
}

stream_note stream_policy::fresh_note() const {
  stream_note n;
  n.generation = with_->options.generation;
  n.policy = hash_of(wanted(n));
  return n;
}

bool stream_policy::is_republished(const js::stream_config& c) const {
  return c.republish_from == with_->names.all_in(space_) && c.republish_to == with_->names.all_out(space_) &&
         !c.republish_headers_only;
}

std::string stream_policy::not_republished() const {
  return "stream " + name_ + " does not republish its messages from " + with_->names.all_in(space_) + " to " +
         with_->names.all_out(space_) +
         ", so that no node would hear of them: delete it, and a node makes it anew";
}

std::string stream_policy::why_unusable(const js::stream_config& c, bool ours) const {
  if (auto closed = c.why_closed(); !closed.empty())
    return closed;
  if (!c.file)
    return "stream " + name_ +
           " is kept in memory, where each publish would look through all of it: it must be made anew with "
           "file storage";
  if (!ours && c.subject != with_->names.all_in(space_))
    return "stream " + name_ + " takes " + (c.subject.empty() ? "no subject" : c.subject) + " and not " +
           with_->names.all_in(space_);
  if (c.retention != "limits")
    return "stream " + name_ + " has retention " + c.retention +
           ", which drops events that somebody has read: delete it, and a node makes it anew";
  return {};
}

stream_policy::judgement stream_policy::judge(const js::stream_info& i) const {
  const auto note = stream_note::parse(i.config.description);
  const auto fresh = fresh_note();
  judgement j;
  j.found = note.value_or(stream_note{});
  j.is_newer = note && note->generation > fresh.generation;
  j.is_other = note && note->generation == fresh.generation && note->policy != fresh.policy;
  j.was_ours = note && note->generation == fresh.generation && !j.is_other && !note->id.empty();
  j.unusable = why_unusable(i.config, note && !j.is_foreign());
  // Who leaves it as it is cannot put right what is wrong.
  if (j.unusable.empty() && j.is_foreign() && !is_republished(i.config))
    j.unusable = not_republished();
  j.right = j.found;
  if (!j.is_foreign()) {
    j.right.generation = fresh.generation;
    j.right.policy = fresh.policy;
  }
  if (j.right.id.empty())
    j.right.id = i.created;
  return j;
}

} // namespace hubbub::cluster
