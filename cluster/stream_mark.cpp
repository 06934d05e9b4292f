#include "cluster/stream_mark.hpp"

#include <utility>

namespace hubbub::cluster {

void stream_mark::looked(const js::stream_info& now, const std::string& epoch, handler written_over) {
  const place newest{now.last_seq, now.last_time_ms};
  place mark;
  {
    std::lock_guard lock{mutex_};
    if (asking_)
      return;
    if (epoch_ != epoch) {
      epoch_ = epoch;
      mark_ = seen_ = {};
    }
    // Before its mark it is not written over yet; what its leader says of the mark then is kept for later.
    if (now.messages == 0 || newest == seen_ || newest.sequence < mark_.sequence)
      return;
    asking_ = true;
    mark = mark_;
  }
  if (mark.sequence == 0)
    move_to(newest);
  else
    check(mark, newest, std::move(written_over));
}

void stream_mark::check(const place& mark, const place& newest, handler written_over) {
  ask(mark.sequence, [self = shared_from_this(), mark, newest,
                      written_over = std::move(written_over)](const js::message* m) {
    const auto is_other = m != nullptr && !m->why && m->time_ms != mark.time_ms;
    if (m != nullptr && !is_other)
      return self->move_to(newest);
    {
      std::lock_guard lock{self->mutex_};
      self->asking_ = false;
      if (is_other)
        self->mark_ = {};
    }
    if (is_other)
      written_over(mark.sequence);
  });
}

void stream_mark::move_to(const place& newest) {
  ask(newest.sequence, [self = shared_from_this(), newest](const js::message* m) {
    // Nobody can want such a room, so what comes there is seen by no other look than this one.
    if (m != nullptr && !m->why && !self->with_->names.room_in(m->subject))
      self->with_->note_bad_room();
    std::lock_guard lock{self->mutex_};
    self->asking_ = false;
    if (m == nullptr) // the next look asks again
      return;
    self->mark_ = m->why ? place{} : place{m->sequence, m->time_ms};
    self->seen_ = newest;
  });
}

void stream_mark::ask(std::uint64_t sequence, std::function<void(const js::message*)> told) {
  // Of the leader: a replica may be behind.
  with_->link->request("$JS.API.STREAM.MSG.GET." + stream_, {}, js::get_one(sequence),
                       [told = std::move(told)](nats_link::fate f, const nats_message& m) {
                         if (f != nats_link::fate::answered)
                           return told(nullptr);
                         const auto one = js::read_message(m.data);
                         told(!one.why || one.why.err_code == js::no_message_found ? &one : nullptr);
                       });
}

} // namespace hubbub::cluster
