#pragma once

#include "cluster/jetstream_api.hpp"
#include "cluster/jetstream_context.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace hubbub::cluster {

/// One message that a stream has had, by which it shows whether its end was lost and written over: another
/// message at the same place has another time. Moves along with the stream. Any thread; asks are answered on
/// the link's threads. What it marks it has read: a subject that is no room's name is counted.
class stream_mark : public std::enable_shared_from_this<stream_mark> {
public:
  /// Given the place where there is another message now.
  using handler = std::function<void(std::uint64_t sequence)>;

  stream_mark(std::shared_ptr<jetstream_context> with, std::string stream)
      : with_{std::move(with)}, stream_{std::move(stream)} {}

  /// The stream's leader said that it is `now` so, in the life that `epoch` names. When it has gone on since,
  /// asks whether the marked message is still there, and then marks the newest one. One that is there no
  /// more, as it grew old or was deleted, says nothing. A stream in which nothing happens is asked nothing.
  void looked(const js::stream_info& now, const std::string& epoch, handler written_over);

private:
  struct place {
    std::uint64_t sequence = 0;
    /// The log's own.
    std::int64_t time_ms = 0;
    bool operator==(const place&) const = default;
  };

  void check(const place& mark, const place& newest, handler written_over);
  void move_to(const place& newest);
  /// `told` gets no answer when there was none, or one that says neither yes nor no.
  void ask(std::uint64_t sequence, std::function<void(const js::message*)> told);

  const std::shared_ptr<jetstream_context> with_;
  const std::string stream_;

  std::mutex mutex_;
  bool asking_ = false;
  std::string epoch_;
  /// Sequence 0: none.
  place mark_;
  /// The end of the stream when the mark was last compared.
  place seen_;
};

} // namespace hubbub::cluster
