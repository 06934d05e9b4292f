#pragma once

#include "broker/errc.hpp"
#include "broker/policy.hpp"
#include "broker/stream_position.hpp"
#include "cluster/jetstream_api.hpp"
#include "cluster/jetstream_context.hpp"
#include "cluster/publish_acks.hpp"
#include "cluster/stream_mark.hpp"
#include "cluster/stream_note.hpp"
#include "cluster/stream_policy.hpp"
#include "cluster/stream_record.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace hubbub::cluster {

/// The stream that keeps one namespace: makes it, keeps it as the policy wants it, notices what others do to
/// it, and knows which life of it this is. Any thread; asks are answered on the link's threads.
class retained_stream : public std::enable_shared_from_this<retained_stream> {
public:
  retained_stream(std::shared_ptr<jetstream_context> with, std::string space, const broker::policy& rules);

  using look_handler = std::function<void(const js::stream_info&)>;

  /// Asks the stream's leader how it is, puts right what is wrong, and then calls `then`. Looks that wait
  /// for the same answer share it; it was given after each of them began.
  void look(look_handler then = {});

  /// Called when positions of before mean nothing any more. Before the first look.
  void on_new_life(std::function<void()> f) { new_life_ = std::move(f); }
  /// Called when another server leads the stream than before: what the former one was to republish may never
  /// come. Given the place up to which all has come by now or never will. Before the first look.
  void on_new_leader(std::function<void(broker::stream_position settled)> f) { new_leader_ = std::move(f); }

  [[nodiscard]] const std::string& name() const noexcept { return policy_.name(); }
  [[nodiscard]] const std::string& space() const noexcept { return policy_.space(); }
  [[nodiscard]] const broker::policy& rules() const noexcept { return policy_.rules(); }
  /// Which answers to what is published to it count.
  [[nodiscard]] const std::shared_ptr<const nats_link::answer_filter>& acks() const noexcept { return acks_; }
  [[nodiscard]] bool deduplicates() const noexcept { return rules().dedup_window.count() > 0; }

  /// `ok`: it can be used. Otherwise why not, in a sentence that names it.
  [[nodiscard]] broker::refusal state() const;
  /// Why nothing that its leader is asked would be answered now, as far as the last look knows; `ok`: it
  /// would.
  [[nodiscard]] broker::refusal silence() const;
  /// Would it, and can what it says be used?
  [[nodiscard]] bool answers() const;
  /// `ok`, or why what is in it is nothing to its rooms, as far as the last look that was answered knows:
  /// somebody has made it so that no node can use it, and neither can what is published to it be confirmed
  /// nor what it holds be read. One that can be used again and was made meanwhile is a new life.
  [[nodiscard]] broker::refusal unusable() const;
  /// Why it cannot be read now: as `unusable`, else as `silence`.
  [[nodiscard]] broker::refusal unreadable() const;
  /// Empty before the first look that found it.
  [[nodiscard]] std::string epoch() const;
  /// A sequence that the stream has reached, in its present life.
  [[nodiscard]] broker::stream_position reached() const;
  /// The stream's leader spoke of that sequence, asked in that life; one of before counts for nothing.
  void saw(const broker::stream_position& at);
  /// The stream's leader has another message there than it had, in that life; one of before counts for
  /// nothing. What was lost and written over begins a new life where there is one replica; several may
  /// contradict each other (nats-server before 2.10), and that is a warning.
  void written_over(const broker::stream_position& at);
  /// How long it keeps events; 0: however old they are.
  [[nodiscard]] broker::milliseconds age() const;
  /// The last sequence that the look before the last one found: what was republished up to there has come
  /// by now, or never will.
  [[nodiscard]] std::uint64_t settled_last() const;
  /// When that look was answered, in milliseconds of `steady_clock`.
  [[nodiscard]] std::int64_t settled_at() const;

  /// What the newest look found.
  [[nodiscard]] js::stream_info info() const;
  /// Have the rooms kept from there on all that they may keep now?
  [[nodiscard]] std::uint64_t raised_at() const;

private:
  void ask();
  /// `tries`: how often it may be tried to make one where there is none.
  void inquire(const stream_record::before_look& before, int tries);
  void told(nats_link::fate f, const nats_message& m, const stream_record::before_look& before, int tries);
  void judge(const js::stream_info& i, const stream_record::before_look& before);
  [[nodiscard]] stream_record::moment now() const;
  void adopt(const js::stream_info& i);
  void give_up_on(std::string why);
  void make(const stream_record::before_look& before, int tries);
  /// `ours`: to this node's policy; otherwise only the note changes.
  void update(const js::stream_info& from, const stream_note& note, bool ours);
  /// What a change has come to. `refused`: what it means when the server refuses; empty: what it says.
  /// `another`: it was another stream than the one that is known.
  void changed(nats_link::fate f, const nats_message& m, const std::string& refused, bool another);
  /// Whatever one who is told throws, the others are told and the next look begins.
  void finish(const broker::refusal& state, const std::function<void()>& news = {});

  const std::shared_ptr<jetstream_context> with_;
  const stream_policy policy_;
  const std::shared_ptr<stream_mark> mark_;
  const std::shared_ptr<const nats_link::answer_filter> acks_ = acks_of(with_, policy_.name());
  std::function<void()> new_life_;
  std::function<void(broker::stream_position)> new_leader_;

  mutable std::mutex mutex_;
  bool asking_ = false;
  std::vector<look_handler> answered_next_;
  std::vector<look_handler> waiting_;
  broker::refusal state_{broker::errc::unavailable, "the stream was not looked at yet"};
  broker::refusal unusable_{broker::errc::ok};
  bool answers_ = false;
  stream_record record_;
};

} // namespace hubbub::cluster
