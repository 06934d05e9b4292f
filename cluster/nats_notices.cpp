#include "cluster/nats_notices.hpp"

#include "broker/json_writer.hpp"

#include <utility>

namespace hubbub::cluster {

nats_notices::nats_notices(const subjects& names, std::string node,
                           const std::array<bool, broker::notice_kinds + 1>& on, const broker::clock& time,
                           nats_link& link)
    : on_{on}, node_{std::move(node)}, time_{time}, link_{link}, queue_{std::make_shared<queue>()} {
  for (std::size_t i = 0; i < broker::notice_kinds; ++i)
    subjects_[i] = names.notify(broker::notice_names[i]);
  subjects_[audit_kind] = names.notify("audit");
}

std::string nats_notices::text_of(const broker::notice& n) const {
  using broker::notice_kind;
  std::string text;
  broker::protocol::json_writer to{text};
  to.put("{\"node\":").text(node_).put(",\"time\":").number(time_.unix_ms());
  if (n.what == notice_kind::occupied || n.what == notice_kind::vacated)
    to.put(",\"room\":").text(n.room.str());
  else
    to.put(",\"session\":")
        .text_or_null(n.session ? n.session.str() : std::string{})
        .put(",\"user\":")
        .text_or_null(n.user);
  if (n.what == notice_kind::refused)
    to.put(",\"code\":").text(n.code).put(",\"message\":").text(n.message);
  to.put("}");
  return text;
}

std::string nats_notices::text_of(const broker::operator_action& a) const {
  std::string text;
  broker::protocol::json_writer to{text};
  to.put("{\"node\":").text(node_).put(",\"time\":").number(time_.unix_ms());
  to.put(",\"action\":").text(a.what).put(",\"by\":").text(a.by);
  if (!a.whom.first.empty())
    to.put(",").text(a.whom.first).put(":").text(a.whom.second);
  if (a.closed)
    to.put(",\"connections\":").number(*a.closed);
  to.put("}");
  return text;
}

void nats_notices::put(broker::notice n) {
  const auto kind = static_cast<std::size_t>(n.what);
  if (!on_[kind])
    return;
  if (link_.is_connected())
    send_soon(kind, text_of(n));
  else
    ++queue_->dropped;
}

void nats_notices::did(const broker::operator_action& a) {
  if (!on_[audit_kind])
    return;
  if (link_.is_connected())
    send_soon(audit_kind, text_of(a));
  else
    ++queue_->dropped;
}

void nats_notices::send_soon(std::size_t kind, std::string text) {
  {
    std::lock_guard lock{queue_->mutex};
    if (queue_->all.size() >= most_waiting) {
      ++queue_->dropped;
      return;
    }
    queue_->all.push_back({kind, std::move(text)});
    if (std::exchange(queue_->asked, true))
      return;
  }
  // One errand at a time: it comes behind what it has sent before, so that not much is in the link's own
  // queue.
  link_.post([q = queue_, subjects = subjects_, &link = link_] { send_all(*q, subjects, link); });
}

void nats_notices::send_all(queue& from, const subject_list& subjects, nats_link& by) {
  std::vector<waiting_notice> mine;
  {
    std::lock_guard lock{from.mutex};
    from.asked = false;
    mine.swap(from.all);
  }
  for (const auto& n : mine)
    ++(by.send(subjects[n.kind], {}, n.text) ? from.sent : from.dropped);
}

} // namespace hubbub::cluster
