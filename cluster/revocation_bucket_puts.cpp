#include "cluster/revocation_bucket.hpp"

#include <utility>

namespace hubbub::cluster {
namespace {

using broker::errc;
using broker::refusal;

// Each that fails is another's that did not.
constexpr int most_tries = 16;
constexpr std::size_t most_on_their_way = 256;
// Of nothing: the bucket takes nothing behind it, and nodes that are up hear it all the same.
constexpr std::uint64_t no_sequence = (std::uint64_t{1} << 53) - 1;

refusal not_kept(const std::string& why) {
  return {errc::unavailable, "the revocation could not be kept, and may count on nodes that are up: " + why,
          broker::retry_soon_ms};
}

/// `m`: what was answered.
template <class Answer>
refusal why_not(nats_link::fate f, const Answer& m) {
  switch (f) {
  case nats_link::fate::not_sent:
  case nats_link::fate::too_large:
    return {errc::unavailable, "the revocation could not be kept: there is no connection to NATS",
            broker::retry_soon_ms};
  case nats_link::fate::nobody:
    return not_kept("its stream is gone, and is made again");
  case nats_link::fate::unknown: // also what a stream that is gone looks like: nodes listen to its subjects
    return not_kept("NATS does not answer");
  case nats_link::fate::answered:
    break;
  }
  if (m.why.err_code == js::stream_not_found)
    return not_kept("its stream is gone, and is made again");
  return m.why ? not_kept(m.why.description) : refusal{errc::ok};
}

} // namespace

void revocation_bucket::revoke(broker::revocation what, handler done) {
  if (!list_.has_room_for(what))
    return done(
        {errc::overloaded, "as many revocations are held as may be: " + std::to_string(list_.most())});
  if (what.made_ms == 0)
    what.made_ms = with_->time.unix_ms();
  put(std::move(what), most_tries, std::move(done));
}

void revocation_bucket::put(broker::revocation what, int tries, handler done) {
  const auto subject = subject_of(what);
  with_->link->request("$JS.API.STREAM.MSG.GET." + stream_, {}, js::get_last(subject),
                       [self = shared_from_this(), subject, what = std::move(what), tries,
                        done = std::move(done)](nats_link::fate f, const nats_message& m) mutable {
                         const auto is =
                             f == nats_link::fate::answered ? js::read_message(m.data) : js::message{};
                         const auto nothing = is.why.err_code == js::no_message_found;
                         if (why_not(f, is).code != errc::ok && !nothing)
                           return self->put_after(no_sequence, std::move(what), 0, std::move(done));
                         if (!nothing) // perhaps not heard yet
                           self->heard(subject, header_lines{is.headers}, is.data, is.time_ms);
                         self->put_after(nothing ? 0 : is.sequence, std::move(what), tries, std::move(done));
                       });
}

void revocation_bucket::put_after(std::uint64_t after, broker::revocation what, int tries, handler done) {
  const auto subject = subject_of(what);
  const auto all = list_.joined_with(what);
  with_->link->request(
      subject, {{"Nats-Expected-Last-Subject-Sequence", std::to_string(after)}},
      broker::write_revocation(all),
      [self = shared_from_this(), what = std::move(what), all, tries,
       done = std::move(done)](nats_link::fate f, const nats_message& m) mutable {
        const auto ack = f == nats_link::fate::answered ? js::read_ack(m.data) : js::ack{};
        if (js::is_wrong_last(ack.why) && tries > 0)
          return self->put(std::move(what), tries - 1, std::move(done));
        if (const auto why = why_not(f, ack); why.code != errc::ok) {
          self->doubt();
          return done(why);
        }
        self->list_.put(all);
        done({errc::ok});
      },
      acks_);
}

void revocation_bucket::put_all() {
  auto all = list_.all();
  with_->log.warn("revocations", "the bucket is another one: what this node knows is put there again",
                  {{"stream", stream_}, {"revocations", all.size()}});
  {
    std::lock_guard lock{mutex_};
    to_put_ = std::move(all);
  }
  put_more();
}

void revocation_bucket::put_more() {
  std::vector<broker::revocation> next;
  {
    std::lock_guard lock{mutex_};
    for (; !to_put_.empty() && putting_ < most_on_their_way; ++putting_) {
      next.push_back(std::move(to_put_.back()));
      to_put_.pop_back();
    }
  }
  for (auto& r : next)
    put_after(0, std::move(r), most_tries, [self = shared_from_this()](const refusal& why) {
      {
        std::lock_guard lock{self->mutex_};
        --self->putting_;
        if (why.code != errc::ok) { // all of it again, at the next look
          self->to_put_.clear();
          self->created_ = "unknown";
        }
      }
      self->put_more();
    });
}

} // namespace hubbub::cluster
