#include "cluster/consumer_run.hpp"

#include "cluster/jetstream_api.hpp"

#include <utility>

namespace hubbub::cluster {
namespace {

// A replica that is behind gets so long to catch up.
constexpr std::int64_t wait_ms = 500;

} // namespace

consumer_run::consumer_run(std::shared_ptr<jetstream_context> with, range what, handlers to)
    : with_{std::move(with)}, what_{std::move(what)}, to_{std::move(to)} {}

void consumer_run::start() {
  std::lock_guard lock{mutex_};
  if (over_) // stopped before it began
    return;
  inbox_ = with_->link->open_inbox([self = shared_from_this()](const nats_message& m) { self->came(m); });
  js::consumer_config c;
  c.stream = what_.stream;
  c.name = with_->link->inbox_name(inbox_);
  c.subject = what_.subject;
  c.start = what_.from;
  c.headers_only = what_.headers_only;
  const auto to = "$JS.API.CONSUMER.CREATE." + what_.stream + '.' + c.name +
                  (what_.subject.empty() ? "" : '.' + what_.subject);
  with_->link->request(
      to, {}, js::to_json(c),
      [self = shared_from_this()](nats_link::fate f, const nats_message& m) { self->made(f, m); });
}

void consumer_run::made(nats_link::fate f, const nats_message& m) {
  std::lock_guard lock{mutex_};
  if (over_)
    return;
  if (f != nats_link::fate::answered)
    return end({broker::errc::unavailable, "the log cannot be reached"}, false);
  const auto i = js::read_consumer_info(m.data);
  if (i.why)
    return end({broker::errc::unavailable, "the log cannot be read: " + i.why.description}, false);
  to_.begun(i.pending);
  if (!over_)
    pull();
}

void consumer_run::pull() {
  asked_ = what_.batch;
  if (!with_->link->send("$JS.API.CONSUMER.MSG.NEXT." + what_.stream + '.' + with_->link->inbox_name(inbox_),
                         {}, js::next_messages(asked_, wait_ms), with_->link->inbox_subject(inbox_)))
    end({broker::errc::unavailable, "there is no connection to the log"}, false);
}

void consumer_run::came(const nats_message& m) {
  std::lock_guard lock{mutex_};
  if (over_)
    return;
  progress_ = std::chrono::steady_clock::now();
  const auto at = place_of_delivered(m.reply);
  if (at.offset == 0) {
    // A status: 404 and 408 say that nothing more came in time, anything else that it cannot be read.
    const auto status = m.headers.status();
    if (status == 404 || status == 408)
      return end({broker::errc::ok}, last_ >= what_.to);
    if (status == 100)
      return;
    return end({broker::errc::unavailable, "the log stopped to answer"}, false);
  }
  last_ = at.offset;
  if (at.offset > what_.to || !to_.message(at, m) || at.offset == what_.to)
    return end({broker::errc::ok}, true);
  if (--asked_ == 0)
    pull();
}

bool consumer_run::check(std::chrono::steady_clock::time_point now) {
  std::lock_guard lock{mutex_};
  if (!over_ && now - progress_ > with_->options.timeout)
    end({broker::errc::unavailable, "the log did not answer in time"}, false);
  return !over_;
}

void consumer_run::end(broker::refusal why, bool whole) {
  std::function<void(broker::refusal, bool)> ended;
  {
    std::lock_guard lock{mutex_};
    if (std::exchange(over_, true))
      return;
    ended = std::move(to_.ended);
  }
  with_->link->close_inbox(inbox_);
  with_->link->send("$JS.API.CONSUMER.DELETE." + what_.stream + '.' + with_->link->inbox_name(inbox_), {},
                    {});
  ended(std::move(why), whole);
}

} // namespace hubbub::cluster
