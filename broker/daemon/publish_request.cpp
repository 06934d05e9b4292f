#include "broker/daemon/publish_request.hpp"

#include "broker/daemon/http_answer.hpp"
#include "broker/json_writer.hpp"
#include "transport/http_text.hpp"

#include <utility>

namespace hubbub::daemon {
namespace {

using broker::errc;
using broker::protocol::json_writer;

constexpr std::uint32_t retry_later_ms = 1000;

/// Up to what only a publish that was under way has.
json_writer& write(json_writer& to, const broker::refusal& why) {
  to.put("{\"code\":").text(broker::name(why.code)).put(",\"message\":").text(why.message);
  if (const auto wait = transport::retry_after(transport::status_of(why.code), why.retry_after_ms); wait != 0)
    to.put(",\"retry_after_ms\":").number(wait);
  return to;
}

void write(json_writer& to, const broker::publish_refused& what) {
  write(to, what.why);
  if (!what.event_id.empty())
    to.put(",\"event_id\":").text(what.event_id);
  to.put(",\"outcome\":")
      .text(what.outcome == broker::publish_outcome::unknown ? "unknown" : "not_stored")
      .put("}");
}

void write(json_writer& to, const broker::stored& what, bool live) {
  to.put("{\"event_id\":").text(what.event_id);
  if (!live)
    to.put(",\"offset\":")
        .number(what.position.offset)
        .put(",\"epoch\":")
        .text(what.position.epoch)
        .put(",\"duplicate\":")
        .boolean(what.duplicate);
  to.put("}");
}

} // namespace

publish_request::publish_request(bool single, std::size_t events, answerer done)
    : single_{single}, rows_(events), missing_{events}, done_{std::move(done)} {}

publish_request::~publish_request() { give_up("the room failed, or the node ends"); }

void publish_request::note(std::size_t event, std::string event_id, bool live) {
  rows_[event].event_id = std::move(event_id);
  rows_[event].live = live;
}

void publish_request::not_taken(std::size_t event, broker::refusal why) {
  settle(event,
         broker::publish_refused{std::move(why), broker::publish_outcome::not_stored, rows_[event].event_id});
}

void publish_request::answered(actors::answer& a) {
  if (auto* kept = std::get_if<broker::stored>(&a.what))
    return settle(a.slot, std::move(*kept));
  if (auto* refused = std::get_if<broker::publish_refused>(&a.what))
    return settle(a.slot, std::move(*refused));
  if (auto* why = std::get_if<broker::refusal>(&a.what))
    not_taken(a.slot, std::move(*why));
}

void publish_request::settle(std::size_t event, outcome what) {
  answerer done;
  {
    std::lock_guard hold{mutex_};
    auto& place = rows_[event].what;
    if (!std::holds_alternative<std::monostate>(place))
      return; // given up before
    place = std::move(what);
    if (--missing_ > 0)
      return;
    done = std::move(done_);
  }
  // Nothing changes any more.
  done(response());
}

void publish_request::give_up(std::string_view why) {
  answerer done;
  {
    std::lock_guard hold{mutex_};
    if (missing_ == 0)
      return;
    for (auto& r : rows_)
      if (std::holds_alternative<std::monostate>(r.what))
        r.what = broker::publish_refused{{errc::unavailable, std::string{why}, retry_later_ms},
                                         broker::publish_outcome::unknown,
                                         r.event_id};
    missing_ = 0;
    done = std::move(done_);
  }
  done(response());
}

broker::http_response publish_request::response() const {
  broker::http_response out;
  std::string json;
  json_writer to{json};
  if (!single_)
    to.put("[");
  std::string_view comma;
  for (const auto& r : rows_) {
    to.put(comma);
    comma = ",";
    if (const auto* kept = std::get_if<broker::stored>(&r.what)) {
      write(to, *kept, r.live);
    } else if (const auto* refused = std::get_if<broker::publish_refused>(&r.what)) {
      write(to, *refused);
      if (single_)
        out = error_answer(refused->why);
    } else if (const auto* why = std::get_if<broker::refusal>(&r.what)) {
      write(to, *why).put("}");
      if (single_)
        out = error_answer(*why);
    }
  }
  if (!single_)
    to.put("]");
  out.body = std::move(json);
  return out;
}

} // namespace hubbub::daemon
