#pragma once

#include "broker/stream_position.hpp"
#include "cluster/jetstream_api.hpp"
#include "cluster/nats_options.hpp"
#include "cluster/stream_note.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace hubbub::cluster {

/// Which life of a stream it is, across all nodes: of that name, made once, and never set back since.
[[nodiscard]] std::string life_of(const js::stream_info& i, const stream_note& n);
/// What follows it; the same on all nodes, which may find out at once.
[[nodiscard]] std::string next_life(const std::string& life);

/// What looks at a stream have shown: which life of it this is, how far it has come, and hence what in the
/// next look is not as it should be. No locks: its stream's.
class stream_record {
public:
  /// `age`: how long its rooms keep events; 0: however old they are.
  stream_record(const nats_intervals& every, broker::milliseconds age) : every_{every}, age_{age} {}

  /// When a look was answered, by both clocks.
  struct moment {
    std::chrono::steady_clock::time_point steady;
    std::int64_t unix_ms = 0;
  };
  /// What was known when the stream was asked.
  struct before_look {
    std::uint64_t known = 0;
    /// Of no epoch: it was not written over.
    broker::stream_position written_over;
  };
  [[nodiscard]] before_look before() const { return {known_last_, written_over_}; }

  struct verdict {
    /// Why what was known of its positions is not true any more; empty: it is.
    std::string over;
    /// The sequence that tells.
    std::uint64_t at = 0;
    /// Its leader has another event there than one had before it, and the next may say otherwise.
    bool contradicted = false;
    /// It has less than when it was last seen in this life, and no limit took it.
    bool thinned = false;
  };
  /// What a look at it means, before anything is made of it.
  [[nodiscard]] verdict judge(const js::stream_info& i, const stream_note& note, const before_look& before,
                              const moment& now);

  struct news {
    bool new_life = false;
    bool new_leader = false;
    /// All that it had went at once, and no limit took it.
    bool purged = false;
    /// Up to where all had come by the look before; of no epoch in a new life.
    broker::stream_position settled;
  };
  /// That is how it is.
  news adopt(const js::stream_info& i, const moment& now);

  /// Is it another one than was adopted last? False where none was.
  [[nodiscard]] bool is_another(const js::stream_info& i) const;
  /// Empty before one was adopted.
  [[nodiscard]] const std::string& epoch() const noexcept { return epoch_; }
  [[nodiscard]] broker::stream_position reached() const { return {epoch_, known_last_}; }
  /// Its leader spoke of that sequence, asked in that life; one of before counts for nothing.
  void saw(const broker::stream_position& at);
  /// Its leader has another message there than it had, in that life. False: that was one of before.
  [[nodiscard]] bool note_written_over(const broker::stream_position& at);
  /// What was republished up to there has come by now, or never will: what the look before the last one
  /// found.
  [[nodiscard]] std::uint64_t settled_last() const noexcept { return settled_last_; }
  /// When that look was answered, in milliseconds of `steady_clock`.
  [[nodiscard]] std::int64_t settled_at() const noexcept { return settled_at_; }
  /// Have the rooms kept from there on all that they may keep now?
  [[nodiscard]] std::uint64_t raised() const noexcept { return raised_; }
  /// What was adopted last.
  [[nodiscard]] const js::stream_info& info() const noexcept { return info_; }

private:
  [[nodiscard]] bool is_set_back(std::uint64_t last, std::uint64_t known, const moment& now);
  void begin(const js::stream_info& i, std::string life);

  const nats_intervals every_;
  const broker::milliseconds age_;
  js::stream_info info_;
  std::string life_;
  std::string epoch_;
  /// When the stream of this life was created, as servers told it first.
  std::int64_t created_ms_ = 0;
  std::uint64_t known_last_ = 0;
  std::uint64_t settled_last_ = 0;
  /// When the look that found it was answered, and when the newest one was.
  std::int64_t settled_at_ = 0;
  std::int64_t looked_at_ = 0;
  std::uint64_t raised_ = 0;
  /// Who was seen to lead it last in this life; empty: nobody, or it has no cluster.
  std::string leader_;
  /// Of no epoch: nowhere.
  broker::stream_position written_over_;
  /// Looks in a row, some time apart, that found the stream before a place it had reached; and when the last
  /// one was.
  int set_back_ = 0;
  std::chrono::steady_clock::time_point set_back_at_;
};

} // namespace hubbub::cluster
