#include "cluster/nats_link.hpp"

#include "cluster/nats_link_impl.hpp"

#include <memory>
#include <new>
#include <utility>

namespace hubbub::cluster {
namespace {

constexpr std::size_t most_queued_bytes = 32 << 20;

} // namespace

broker::result<std::unique_ptr<nats_link>> nats_link::open(const nats_options& options,
                                                           broker::log_sink& to) {
  auto i = std::make_shared<impl>(options, to);
  i->way = new way_to<impl>{i};
  if (auto refused = i->connect())
    return *refused;
  auto made = std::unique_ptr<nats_link>{new nats_link{i}};
  if (auto why = i->why_too_small())
    return *why;
  to.info("nats", "connected", {{"server", i->server}});
  options.links->add([weak = std::weak_ptr{i}] {
    const auto link = weak.lock();
    return link ? link->state() : std::nullopt;
  });
  return made;
}

broker::result<named_link> named_link::open(const nats_options& options, broker::log_sink& log) {
  auto names = subjects::under(options.prefix);
  if (!names)
    return names.error();
  auto link = nats_link::open(options, log);
  if (!link)
    return link.error();
  return named_link{std::move(*names), std::move(*link)};
}

nats_link::nats_link(std::shared_ptr<impl> i) : impl_{std::move(i)} {}

nats_link::~nats_link() { close(); }

void nats_link::observe(observer o) {
  impl_->watch = std::move(o);
  impl_->start();
}

void nats_link::close() {
  {
    std::lock_guard lock{impl_->mutex};
    if (std::exchange(impl_->stopping, true))
      return;
    impl_->work.notify_all();
    impl_->over.notify_all();
  }
  if (impl_->sender.joinable())
    impl_->sender.join();
  if (impl_->ticker.joinable())
    impl_->ticker.join();
  if (impl_->mover.joinable())
    impl_->mover.join();
  impl_->drain();
  impl_->connected = false;
  impl_->release_connection();
  impl_->give_up_all();
  std::lock_guard lock{impl_->mutex};
  impl_->inboxes.clear();
}

bool nats_link::send(const std::string& subject, const headers& with, std::string_view data,
                     const std::string& reply) {
  if (!impl_->connected)
    return false;
  impl::task t;
  t.message = make_message(subject, reply, with, data);
  t.size = data.size() + subject.size() + 256;
  std::lock_guard lock{impl_->mutex};
  if (!t.message || impl_->stopping || impl_->queued_bytes > most_queued_bytes)
    return false;
  impl_->queued_bytes += t.size;
  impl_->tasks.push_back(std::move(t));
  if (impl_->tasks.size() == 1)
    impl_->work.notify_one();
  return true;
}

void nats_link::request(const std::string& subject, const headers& with, std::string_view data,
                        answer_handler done, std::shared_ptr<const answer_filter> counts) {
  if (!impl_->connected)
    return done(fate::not_sent, {});
  std::uint64_t token;
  {
    std::lock_guard lock{impl_->mutex};
    token = ++impl_->last_token;
  }
  impl::task t;
  t.message = make_message(subject, impl_->inbox + std::to_string(token), with, data);
  t.size = data.size() + subject.size() + 256;
  t.token = token;
  {
    std::lock_guard lock{impl_->mutex};
    if (t.message && impl_->connected && !impl_->stopping && impl_->queued_bytes <= most_queued_bytes) {
      impl_->answers.emplace(token, impl::waiting{std::move(done), std::move(counts)});
      impl_->deadlines.emplace_back(std::chrono::steady_clock::now() + impl_->options.timeout, token);
      impl_->queued_bytes += t.size;
      impl_->tasks.push_back(std::move(t));
      if (impl_->tasks.size() == 1)
        impl_->work.notify_one();
      return;
    }
  }
  done(fate::not_sent, {});
}

bool nats_link::post(std::function<void()> f) { return impl_->queue({{}, 0, 0, {}, std::move(f)}); }

std::uint64_t nats_link::open_inbox(message_handler to) {
  std::lock_guard lock{impl_->mutex};
  impl_->inboxes.emplace(++impl_->last_token, std::make_shared<message_handler>(std::move(to)));
  return impl_->last_token;
}

void nats_link::close_inbox(std::uint64_t id) {
  std::shared_ptr<message_handler> last; // destroyed without the lock
  std::lock_guard lock{impl_->mutex};
  const auto it = impl_->inboxes.find(id);
  if (it == impl_->inboxes.end())
    return;
  last = std::move(it->second);
  impl_->inboxes.erase(it);
}

std::string nats_link::inbox_subject(std::uint64_t id) const { return impl_->inbox + std::to_string(id); }

std::string nats_link::inbox_name(std::uint64_t id) const { return impl_->id + '-' + std::to_string(id); }

nats_link::subscription nats_link::subscribe(std::string_view subject, listener to) {
  return impl_->add(subscription::state::make(impl_->way, subject, std::move(to)));
}

nats_link::subscription nats_link::subscribe(std::string_view subject, listener to,
                                             subscription_bounds bounds) {
  to.bound_by(std::move(bounds));
  return subscribe(subject, std::move(to));
}

boost::intrusive_ptr<nats_link::subscription::state>
nats_link::subscription::state::make(way_ptr<impl> of, std::string_view subject, listener to) {
  auto* place = ::operator new(sizeof(state) + subject.size() + 1);
  return {new (place) state{std::move(of), subject, std::move(to)}};
}

nats_link::subscription::state::state(way_ptr<impl> d, std::string_view subject, listener l) noexcept
    : of{std::move(d)}, to{std::move(l)} {
  auto* text = reinterpret_cast<char*>(this + 1);
  text[subject.copy(text, subject.size())] = '\0';
}

nats_link::subscription nats_link::impl::add(sub_ptr s) {
  std::lock_guard lock{mutex};
  if (!stopping) {
    s->index = static_cast<std::uint32_t>(subs.size());
    subs.push_back(s);
    tasks.push_back({{}, 0, 0, s, {}});
    work.notify_one();
  }
  return subscription{std::move(s)};
}

void intrusive_ptr_add_ref(nats_link::subscription::state* s) noexcept {
  s->held.fetch_add(1, std::memory_order_relaxed);
}

void intrusive_ptr_release(nats_link::subscription::state* s) noexcept {
  if (s->held.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  std::destroy_at(s);
  ::operator delete(s);
}

nats_link::subscription::subscription(boost::intrusive_ptr<state> s) noexcept : state_{std::move(s)} {}

nats_link::subscription::~subscription() { reset(); }

nats_link::subscription::subscription(subscription&& other) noexcept = default;

nats_link::subscription& nats_link::subscription::operator=(subscription&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

void nats_link::subscription::reset() noexcept {
  const auto ended = std::exchange(state_, nullptr);
  const auto of = ended ? ended->of->lock() : nullptr;
  if (!of)
    return;
  std::lock_guard lock{of->mutex};
  const auto place = std::exchange(ended->index, state::nowhere);
  if (of->stopping)
    return;
  auto& last = of->subs.back();
  if (last != ended)
    last->index = place;
  std::swap(of->subs[place], last);
  of->subs.pop_back();
  of->tasks.push_back({{}, 0, 0, ended, {}});
  of->work.notify_one();
}

bool nats_link::is_connected() const noexcept { return impl_->connected; }

std::string nats_link::server() const {
  std::lock_guard lock{impl_->mutex};
  return impl_->server;
}

const std::string& nats_link::id() const noexcept { return impl_->id; }

} // namespace hubbub::cluster
