#include "cluster/nats_backend.hpp"

#include "cluster/nats_event.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

namespace hubbub::cluster {
namespace {

using broker::errc;
using broker::publish_outcome;
using fate = nats_link::fate;

/// In the order of `nats_notices`.
std::array<bool, broker::notice_kinds + 1> wanted_notices(const backend_options& how) {
  std::array<bool, broker::notice_kinds + 1> on{};
  std::ranges::copy(how.notices, on.begin());
  on.back() = how.audit;
  return on;
}

// The last notices of a node that stops have so long to go out.
constexpr std::chrono::milliseconds last_words{500};

/// What is not answered. `connected`: it still is, so that time has run out.
request_outcome read_silence(fate f, bool connected, broker::refusal nobody, broker::backend_answer& to) {
  switch (f) {
  case fate::nobody:
    to.why = std::move(nobody);
    return request_outcome::nobody;
  case fate::not_sent:
    to.why = {errc::unavailable, "the backend cannot be reached"};
    return request_outcome::not_sent;
  case fate::too_large:
    to.why = {errc::too_large, "the request has more bytes than the NATS server takes"};
    return request_outcome::not_sent;
  default:
    break;
  }
  to.outcome = publish_outcome::unknown;
  if (connected) {
    to.why = {errc::timeout, "the backend did not answer in time"};
    return request_outcome::timeout;
  }
  to.why = {errc::unavailable, "the connection to the backend broke before it answered"};
  return request_outcome::lost;
}

void add_caller(nats_link::headers& to, broker::session_id session) {
  to.emplace_back("Hubbub-Session", session.str());
}

} // namespace

broker::result<std::unique_ptr<nats_backend>>
nats_backend::open(const nats_options& options, const backend_options& how, const broker::namespaces& spaces,
                   const broker::clock& time, broker::log_sink& log) {
  auto to = named_link::open(options, log);
  if (!to)
    return to.error();
  to->link->observe({});
  return std::unique_ptr<nats_backend>{
      new nats_backend{options, how, spaces, std::move(to->names), time, std::move(to->link)}};
}

nats_backend::nats_backend(const nats_options& options, const backend_options& how,
                           const broker::namespaces& spaces, subjects names, const broker::clock& time,
                           std::unique_ptr<nats_link> link)
    : how_{how},
      spaces_{spaces},
      names_{std::move(names)},
      counters_{std::make_shared<backend_counters>()},
      link_{std::move(link)},
      notices_{names_, options.node, wanted_notices(how), time, *link_} {}

nats_backend::~nats_backend() {
  // Twice, since the first errand may have sent notices, which stand behind it.
  for (auto i = 0; i < 2; ++i) {
    const auto gone = std::make_shared<std::promise<void>>();
    if (link_->is_connected() && link_->post([gone] { gone->set_value(); }))
      std::ignore = gone->get_future().wait_for(last_words);
  }
  link_->close();
}

std::shared_ptr<const void> nats_backend::take_place() {
  auto& places = counters_->places;
  if (places.fetch_add(1, std::memory_order_relaxed) >= how_.requests) {
    places.fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
  }
  return {static_cast<const void*>(counters_.get()),
          [all = counters_](const void*) { all->places.fetch_sub(1, std::memory_order_relaxed); }};
}

void nats_backend::publish(broker::event e, broker::session_id session, broker::backend_handler done) {
  if (!spaces_.is_declared(e.room.space())) {
    broker::backend_answer a;
    a.why = subjects::undeclared(e.room.space());
    return done(std::move(a));
  }
  // As a node would publish it: a backend that agrees can pass it on as it is.
  auto headers = headers_of(e, true);
  add_caller(headers, session);
  ask(names_.up(e.room), headers, e.data, counters_->publishes,
      {errc::unavailable, "no backend takes events for " + e.room.str()}, false, std::move(done));
}

void nats_backend::call(broker::backend_call what, broker::backend_handler done) {
  nats_link::headers headers;
  if (!what.user.empty())
    headers.emplace_back("Hubbub-From", header_text(what.user));
  add_caller(headers, what.session);
  ask(names_.call(what.method), headers, what.data, counters_->calls,
      {errc::no_such_method, "nobody answers the method " + what.method.str()}, true, std::move(done));
}

void nats_backend::ask(const std::string& subject, const nats_link::headers& with, std::string_view data,
                       backend_counters::outcomes& counted, broker::refusal nobody, bool wants_data,
                       broker::backend_handler done) {
  auto place = take_place();
  if (!place) {
    ++counted[static_cast<std::size_t>(request_outcome::overloaded)];
    broker::backend_answer a;
    a.why = {errc::overloaded, "too much waits for backends", broker::retry_soon_ms};
    return done(std::move(a));
  }
  link_->request(subject, with, data,
                 [counters = counters_, &counted, link = std::weak_ptr{link_}, most = how_.answer_bytes,
                  wants_data, nobody = std::move(nobody), place = std::move(place),
                  done = std::move(done)](fate f, const nats_message& m) mutable {
                   broker::backend_answer a;
                   a.place = std::move(place);
                   const auto there = link.lock();
                   const auto outcome = f != fate::answered ? read_silence(f, there && there->is_connected(),
                                                                           std::move(nobody), a)
                                        : wants_data        ? read_answer(m, most, a)
                                                            : read_verdict(m, a);
                   ++counted[static_cast<std::size_t>(outcome)];
                   done(std::move(a));
                 });
}

} // namespace hubbub::cluster
