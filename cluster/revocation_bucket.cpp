#include "cluster/revocation_bucket.hpp"

#include "cluster/nats_orders.hpp"
#include "cluster/position_watch.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace hubbub::cluster {
namespace {

using broker::errc;
using broker::log_level;
using broker::refusal;

// What was published and not heard is found so soon; a second is promised only where nothing was lost.
constexpr std::int64_t look_every_ms = 5'000;
constexpr std::int64_t pause_ms = 1'000;
// Each takes the half second that a replica which is behind gets.
constexpr int most_looks = 5;
constexpr std::string_view nats_kv = "$KV.";

} // namespace

revocation_bucket::revocation_bucket(std::shared_ptr<jetstream_context> with, broker::revoked_list& list)
    : with_{std::move(with)},
      list_{list},
      stream_{"KV_" + with_->names.revocations()},
      subjects_{std::string{nats_kv} + with_->names.revocations() + '.'},
      keep_ns_{std::chrono::nanoseconds{list.keep()}.count()} {}

void revocation_bucket::start(handler read) {
  first_ = std::move(read);
  // What is called from the link's threads holds nothing that is gone when the node is.
  const auto weakly = [weak = weak_from_this()](auto f) {
    return [weak, f](const auto&... args) {
      if (const auto self = weak.lock())
        f(*self, args...);
    };
  };
  nats_link::observer o;
  o.back = weakly([](revocation_bucket& b) { b.doubt(); });
  o.dropped = o.back;
  o.tick = weakly([](revocation_bucket& b) { b.tick(); });
  with_->link->observe(std::move(o));
  // First the ear, then the look: nothing can slip in between.
  entries_ = with_->link->subscribe(subjects_ + '>', weakly([](revocation_bucket& b, const nats_message& m) {
                                      b.heard(m.subject, m.headers, m.data, 0);
                                    }));
  orders_ = obey_orders(with_, "revoke",
                        weakly([](revocation_bucket& b, std::string_view json,
                                  const broker::order_reply& reply) { b.ordered(json, reply); }),
                        "hubbub");
  look();
}

void revocation_bucket::close() {
  std::shared_ptr<consumer_run> run;
  {
    std::lock_guard lock{mutex_};
    closed_ = true;
    run = run_;
  }
  if (run)
    run->stop({errc::unavailable, "the node is stopping"});
  with_->link->close();
}

// -- looking ----------------------------------------------------------------------------

void revocation_bucket::tick() {
  std::shared_ptr<consumer_run> run;
  auto due = false;
  {
    std::lock_guard lock{mutex_};
    run = run_;
    const auto now = position_watch::now();
    due = !looking_ && !closed_ && now >= not_before_ms_ && (doubted_ || now - looked_ms_ >= look_every_ms);
  }
  if (run)
    run->check(std::chrono::steady_clock::now());
  if (due && with_->link->is_connected())
    look();
}

void revocation_bucket::doubt() {
  std::lock_guard lock{mutex_};
  doubted_ = true;
}

void revocation_bucket::look() {
  {
    std::lock_guard lock{mutex_};
    if (std::exchange(looking_, true))
      return;
    doubted_ = false;
    tries_ = 0;
  }
  ask();
}

void revocation_bucket::ask() {
  with_->link->request(
      "$JS.API.STREAM.INFO." + stream_, {}, {},
      [self = shared_from_this()](nats_link::fate f, const nats_message& m) { self->told(f, m); });
}

void revocation_bucket::told(nats_link::fate f, const nats_message& m) {
  if (f == nats_link::fate::nobody)
    return finish({errc::unavailable, "the NATS server " + with_->link->server() + " has no JetStream"});
  if (f != nats_link::fate::answered)
    return finish({errc::unavailable, "stream " + stream_ + " has no leader that answers"});
  const auto i = js::read_stream_info(m.data);
  if (i.why.err_code == js::stream_not_found)
    return make();
  if (i.why)
    return finish({errc::unavailable, "stream " + stream_ + " cannot be used: " + i.why.description});
  judge(i);
}

std::string revocation_bucket::config(std::int64_t keep_ns, std::uint32_t replicas) const {
  constexpr std::int64_t two_minutes_ns = 120'000'000'000;
  return "{\"name\":\"" + stream_ + "\",\"description\":\"whom operators have revoked\",\"subjects\":[\"" +
         subjects_ +
         ">\"],\"retention\":\"limits\",\"discard\":\"new\",\"max_consumers\":-1,\"max_msgs\":-1"
         ",\"max_bytes\":-1,\"max_msgs_per_subject\":1,\"max_msg_size\":4096,\"storage\":\"file\""
         ",\"allow_rollup_hdrs\":true,\"deny_delete\":true,\"allow_direct\":true,\"max_age\":" +
         std::to_string(keep_ns) + ",\"duplicate_window\":" +
         std::to_string(keep_ns == 0 ? two_minutes_ns : std::min(two_minutes_ns, keep_ns)) +
         ",\"num_replicas\":" + std::to_string(replicas) + "}";
}

void revocation_bucket::make() {
  with_->link->request(
      "$JS.API.STREAM.CREATE." + stream_, {}, config(keep_ns_, with_->options.replicas),
      [self = shared_from_this()](nats_link::fate f, const nats_message& m) { self->changed(f, m); });
}

void revocation_bucket::update(const js::stream_info& i) {
  const auto& is = i.config;
  const auto forgets = is.max_age_ns != 0 && is.max_age_ns < keep_ns_;
  with_->link->request(
      "$JS.API.STREAM.UPDATE." + stream_, {},
      config(forgets ? keep_ns_ : is.max_age_ns, std::max(is.replicas, with_->options.replicas)),
      [self = shared_from_this(), i, forgets](nats_link::fate f, const nats_message& m) {
        const auto now = f == nats_link::fate::answered ? js::read_stream_info(m.data) : js::stream_info{};
        if (forgets || !now.why)
          return self->changed(f, m);
        // On fewer servers than are wanted it is good enough to be read.
        self->with_->log.limited(log_level::error, "revocations", "replicas",
                                 "the bucket could not be put on more servers: " + now.why.description,
                                 {{"stream", self->stream_}, {"replicas", self->with_->options.replicas}});
        self->read(i);
      });
}

void revocation_bucket::changed(nats_link::fate f, const nats_message& m) {
  if (f != nats_link::fate::answered)
    return finish({errc::unavailable, "stream " + stream_ + " could not be configured: nobody answers"});
  const auto i = js::read_stream_info(m.data);
  if (i.why)
    return finish(
        {errc::unavailable, "stream " + stream_ + " could not be configured: " + i.why.description});
  read(i);
}

void revocation_bucket::judge(const js::stream_info& i) {
  if (auto closed = i.config.why_closed(); !closed.empty())
    return finish({errc::unavailable, std::move(closed)});
  if (i.config.subject != subjects_ + '>')
    return finish({errc::unavailable, "stream " + stream_ + " takes " + i.config.subject + " and not " +
                                          subjects_ + ">: it is somebody else's"});
  // A node that is told to keep them longer says so for all; one that would forget sooner leaves it as it is.
  // So does one that wants it on more servers.
  if ((i.config.max_age_ns != 0 && i.config.max_age_ns < keep_ns_) ||
      i.config.replicas < with_->options.replicas)
    return update(i);
  read(i);
}

void revocation_bucket::read(const js::stream_info& i) {
  auto another = false;
  std::uint64_t from = 0;
  {
    std::lock_guard lock{mutex_};
    // Lost, or set back: what is read again is known already.
    if (i.created != created_ || i.last_seq < read_to_) {
      another = !created_.empty();
      created_ = i.created;
      read_to_ = 0;
    }
    from = read_to_ + 1;
  }
  if (another)
    put_all();
  if (i.messages == 0 || from > i.last_seq)
    return read_done({errc::ok}, i.last_seq);
  consumer_run::range what;
  what.stream = stream_;
  what.from = from;
  what.to = i.last_seq;
  consumer_run::handlers to;
  to.begun = [](std::uint64_t) {};
  to.message = [self = shared_from_this()](const log_place& at, const nats_message& m) {
    self->heard(m.subject, m.headers, m.data, at.time_ms);
    std::lock_guard hold{self->mutex_};
    self->read_to_ = std::max(self->read_to_, at.offset);
    return true;
  };
  to.ended = [self = shared_from_this(), last = i.last_seq](const refusal& why, bool whole) {
    if (why.code == errc::ok && !whole)
      return self->ask_what_is_left(last);
    self->read_done(why, last);
  };
  auto run = std::make_shared<consumer_run>(with_, std::move(what), std::move(to));
  {
    std::lock_guard lock{mutex_};
    run_ = run;
  }
  run->start();
}

void revocation_bucket::ask_what_is_left(std::uint64_t last) {
  std::uint64_t from = 0;
  std::shared_ptr<consumer_run> done; // ends without the lock
  {
    std::lock_guard lock{mutex_};
    done = std::exchange(run_, nullptr);
    from = read_to_ + 1;
  }
  // What ended meanwhile does not come either. The leader knows which it is; who had the consumer may be a
  // replica that is behind.
  with_->link->request("$JS.API.STREAM.MSG.GET." + stream_, {}, js::get_next(from, subjects_ + '>'),
                       [self = shared_from_this(), last](nats_link::fate f, const nats_message& m) {
                         self->told_what_is_left(f, m, last);
                       });
}

void revocation_bucket::told_what_is_left(nats_link::fate f, const nats_message& m, std::uint64_t last) {
  const auto next = js::read_message(m.data);
  if (f != nats_link::fate::answered || (next.why && next.why.err_code != js::no_message_found))
    return read_done({errc::unavailable, "stream " + stream_ + " has no leader that answers"}, last);
  if (next.why || next.sequence > last)
    return read_done({errc::ok}, last);
  auto again = false;
  {
    std::lock_guard lock{mutex_};
    again = ++tries_ < most_looks && !closed_;
  }
  if (again)
    return ask();
  read_done(
      {errc::unavailable, "stream " + stream_ + " could not be read whole: a replica is behind its leader"},
      last);
}

void revocation_bucket::read_done(const refusal& why, std::uint64_t last) {
  std::shared_ptr<consumer_run> done; // ends without the lock
  {
    std::lock_guard lock{mutex_};
    done = std::move(run_);
    run_.reset();
    if (why.code == errc::ok)
      read_to_ = std::max(read_to_, last);
    else {
      doubted_ = true;
      not_before_ms_ = position_watch::now() + pause_ms;
    }
  }
  finish(why);
}

void revocation_bucket::finish(const refusal& why) {
  handler first;
  {
    std::lock_guard lock{mutex_};
    looking_ = false;
    looked_ms_ = position_watch::now();
    first = std::exchange(first_, nullptr);
  }
  if (first)
    first(why);
  else if (why.code != errc::ok && with_->link->is_connected())
    with_->log.limited(log_level::warn, "revocations", "look", why.message);
}

// -- what comes ---------------------------------------------------------------------------

void revocation_bucket::heard(std::string_view subject, const header_lines& headers, std::string_view data,
                              std::int64_t time_ms) {
  const auto strange = [this, subject] {
    ++with_->counters.foreign;
    with_->log.limited(log_level::warn, "revocations", "foreign", "an entry of the bucket is none of ours",
                       {{"subject", subject}});
  };
  const auto named =
      subject.starts_with(subjects_) ? from_bucket_key(subject.substr(subjects_.size())) : std::nullopt;
  if (!named)
    return strange();
  if (const auto what = headers.last("KV-Operation"); what == "DEL" || what == "PURGE") {
    with_->log.info("revocations", "lifted", {{named->whom().first, named->whom().second}});
    return list_.remove(*named);
  }
  auto r = broker::read_revocation(data);
  if (!r || r->whom() != named->whom())
    return strange();
  if (r->made_ms == 0)
    r->made_ms = time_ms;
  if (list_.put(std::move(*r)) == broker::revoked_list::outcome::full)
    with_->log.limited(log_level::error, "revocations", "full",
                       "as many revocations are held as may be: one does not count here",
                       {{"most", list_.most()}});
}

void revocation_bucket::ordered(std::string_view json, const broker::order_reply& reply) {
  auto what = broker::read_revocation(json);
  if (!what)
    return reply(what.error(), {});
  what->made_ms = 0; // whatever they say
  revoke(*what, [reply, what = *what, self = shared_from_this()](const refusal& why) {
    if (why.code != errc::ok)
      return reply(why, {});
    reply(std::string{"{\"revoked\":true}"}, {});
    std::function<void(const broker::revocation&)> tell;
    {
      std::lock_guard lock{self->mutex_};
      tell = self->on_ordered_;
    }
    if (tell)
      tell(what);
  });
}

void revocation_bucket::on_ordered(std::function<void(const broker::revocation&)> f) {
  std::lock_guard lock{mutex_};
  on_ordered_ = std::move(f);
}

} // namespace hubbub::cluster
