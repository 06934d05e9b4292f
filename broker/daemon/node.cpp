#include "broker/daemon/node.hpp"

#include "actors/node_metrics.hpp"
#include "broker/daemon/admin_keys.hpp"
#include "broker/daemon/open_bus.hpp"
#include "broker/daemon/version.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace hubbub::daemon {
namespace {

// Descriptors that are not connections: the log's files, epoll, admin, standard streams.
constexpr std::uint64_t reserved_descriptors = 200;
// However few connections there may be: a browser opens several at once.
constexpr std::uint32_t least_handshakes = 64;
// Beside a payload a message has an envelope: op, id, room, labels. And a batch has several.
constexpr std::uint32_t envelope_bytes = 65'536;

std::uint32_t loop_count(const config& how) {
  return how.server.loops != 0 ? how.server.loops
                               : std::clamp(std::thread::hardware_concurrency(), 1u, most_loops);
}

/// Raises the soft limit of descriptors to the hard one, and fits the connections into it.
std::uint32_t connection_limit(std::uint32_t wanted) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0)
    return wanted;
  if (files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    std::ignore = setrlimit(RLIMIT_NOFILE, &files);
    std::ignore = getrlimit(RLIMIT_NOFILE, &files);
  }
  const auto room = files.rlim_cur > 2 * reserved_descriptors ? files.rlim_cur - reserved_descriptors
                                                              : std::max<rlim_t>(files.rlim_cur / 2, 1);
  const auto most = static_cast<std::uint32_t>(std::min<rlim_t>(room, UINT32_MAX));
  return wanted == 0 ? most : std::min(wanted, most);
}

/// Each loop has its share: the system spreads sockets evenly.
std::uint32_t handshakes_of_loop(const broker::limits& bounds, std::size_t loops) {
  const auto all = bounds.handshakes_at_once != 0 ? bounds.handshakes_at_once
                                                  : std::max(bounds.connections / 4, least_handshakes);
  return std::max(1u, all / static_cast<std::uint32_t>(loops));
}

std::uint64_t tape_budget(std::uint64_t wanted) {
  if (wanted != 0)
    return wanted;
  const auto pages = sysconf(_SC_PHYS_PAGES);
  const auto size = sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(size) / 4
                               : 1u << 30;
}

std::string url(bool tls, const endpoint& at, std::uint16_t port) {
  return (tls ? "https://" : "http://") + endpoint{at.address, port}.str();
}

} // namespace

node::node(const config& how, broker::log_sink& log, const broker::clock& time)
    : how_{how},
      log_{log},
      time_{time},
      bounds_{how.limits},
      origins_{how.server.dev, how.auth.origins},
      metrics_{loop_count(how)},
      supervision_{time, log, metrics_},
      revoked_{how.auth.revocation_ttl, time} {
  bounds_.connections = connection_limit(bounds_.connections);
}

broker::result<std::unique_ptr<node>> node::start(const config& how, broker::log_sink& log,
                                                  const broker::clock& time) {
  std::unique_ptr<node> n{new node{how, log, time}};
  if (auto why = n->open(); why.code != broker::errc::ok)
    return why;
  n->run();
  return n;
}

node::~node() { std::ignore = stop(); }

broker::refusal node::open() {
  if (auto why = open_tokens(); why.code != broker::errc::ok)
    return why;
  if (auto why = open_tickets(); why.code != broker::errc::ok)
    return why;
  if (!how_.tls.certificate.empty()) {
    auto tls = transport::tls_context::load(how_.tls.certificate, how_.tls.key);
    if (!tls)
      return tls.error();
    tls_ = std::move(*tls);
  }
  auto bus = open_bus(how_, time_, log_, metrics_, &supervision_.bus);
  if (!bus)
    return bus.error();
  bus_ = std::move(*bus);
  // Before anybody may come in: what was revoked while this node was away is known then.
  auto control = open_revocations(how_, revoked_, time_, log_, metrics_, &supervision_.bus, bus_.links);
  if (!control)
    return control.error();
  control_ = std::move(*control);

  std::vector<broker::loop*> loops;
  for (std::uint32_t i = 0; i < loop_count(how_); ++i) {
    loops_.push_back(std::make_unique<transport::event_loop>(i, time_));
    if (loop_count(how_) > std::thread::hardware_concurrency())
      loops_.back()->share_core();
    loops.push_back(loops_.back().get());
  }
  actors::actor_node::settings s;
  s.workers = how_.server.workers;
  s.anonymous = how_.auth.anonymous;
  s.node = how_.server.node;
  s.version = version;
  s.tape_budget_bytes = tape_budget(bounds_.tape_budget_bytes);
  s.tokens = tokens_.get();
  s.rosters = bus_.rosters.get();
  s.backend = bus_.backend.get();
  s.notices = bus_.notices.get();
  s.tickets = tickets_.get();
  s.revoked = &revoked_;
  s.supervision = &supervision_;
  s.origin = [this](const broker::handshake& h) {
    auto why = origins_.check(h.origin, h.host);
    if (why.code == broker::errc::ok && actors::admission::only_cookie(h) &&
        !origins_.cookie_counts(h.origin))
      why = {broker::errc::forbidden,
             "a token in a cookie counts only from an origin that is allowed by name"};
    return why;
  };
  actors_ = std::make_unique<actors::actor_node>(std::move(s), loops, *bus_.events, how_.namespaces, bounds_,
                                                 time_, log_, metrics_);
  for (std::size_t i = 0; i < loops_.size(); ++i)
    loops_[i]->attach(actors_->phases(i));
  revoked_.observe([this](const broker::revocation& whom) {
    log_.info("revocations", "revoked", {{whom.whom().first, whom.whom().second}});
    actors_->send_away(whom);
  });
  show_numbers();
  return open_listeners();
}

broker::refusal node::open_listeners() {
  public_http_ = std::make_unique<public_http>(origins_, how_.server.dev);
  transport::listener_options o;
  o.address = how_.server.listen.address;
  o.port = how_.server.listen.port;
  o.reuse_port = loops_.size() > 1;
  o.refuse_shared = true;
  o.send_buffer_bytes = bounds_.send_buffer_bytes;
  o.message_bytes = bounds_.payload_bytes + envelope_bytes;
  o.control_bytes = bounds_.control_bytes;
  // Only GET is served here, and nobody has to say who they are.
  o.http_body_bytes = 4096;
  o.handshakes_at_once = handshakes_of_loop(bounds_, loops_.size());
  o.message_within = bounds_.stall;
  o.user_timeout = bounds_.stall + std::chrono::seconds{10};
  o.tapes = &actors_->context().tapes;
  o.tls = tls_.get();
  o.counters = &doors_;
  for (auto& loop : loops_) {
    // The actors count those that they ask for.
    o.on_goodbye = [&counts = actors_->context().counts, at = loop->index()](broker::close_code code) {
      counts.closed(at, code);
    };
    listeners_.push_back(
        std::make_unique<transport::listener>(*loop, o, &actors_->acceptor(), public_http_.get()));
    if (auto opened = listeners_.back()->open(); !opened)
      return opened.error();
    // The first may have been given a free port; the others share it.
    o.port = listeners_.front()->port();
    o.refuse_shared = false;
  }
  public_url_ = url(tls_ != nullptr, how_.server.listen, o.port);

  admin_api_ = std::make_unique<admin_api>(admin_api::parts{
      *actors_, *bus_.events, metrics_, origins_, admin_keys{how_.admin.keys, how_.admin.open},
      how_.server.node, how_.server.ready_without_bus, [this] { return serving_.load(); },
      [this] { drain_once(); }, std::chrono::seconds{15}, control_.revocations.get(), bus_.audit,
      bus_.links});
  transport::listener_options a;
  a.address = how_.server.admin.address;
  a.port = how_.server.admin.port;
  a.websocket = false;
  admin_ = std::make_unique<transport::listener>(*loops_.front(), a, nullptr, admin_api_.get());
  if (auto opened = admin_->open(); !opened)
    return opened.error();
  admin_url_ = url(false, how_.server.admin, admin_->port());
  public_http_->know_admin(admin_url_);
  return {broker::errc::ok};
}

void node::run() {
  for (auto& loop : loops_)
    threads_.emplace_back([this, &loop = *loop] {
      // What breaks in it outside a room and a session leaves it in no order, so nothing of it is used again.
      const auto name = "loop " + std::to_string(loop.index());
      broker::guarded_to_the_end(&supervision_.node, name, [this, &loop] {
        try {
          loop.run();
        } catch (...) {
          loop_broke_ = true; // before anybody is told
          throw;
        }
      });
    });
  watch();
  serving_ = true;
  obey_orders();
}

void node::obey_orders() {
  if (!control_.orders)
    return;
  orders_ = std::make_shared<operator_orders>(operator_orders::parts{
      *actors_, bus_.rosters.get(), how_.server.node, [this] { return serving_.load(); },
      [this] { drain_once(); }, [this] { return reload(); }, bus_.audit});
  operator_orders::obey(orders_, *control_.orders);
}

void node::watch() {
  const auto workers = how_.server.workers;
  workers_ = std::make_unique<actors::worker_probe>(actors_->system(), workers);
  std::vector<watchdog::watched> all;
  for (auto& loop : loops_)
    all.push_back({"loop " + std::to_string(loop->index()), [&loop = *loop] { return loop.turns(); }});
  for (std::uint32_t i = 0; i < workers; ++i)
    all.push_back({"worker " + std::to_string(i), [this, i] { return workers_->signs(i); }});
  watchdog_ = std::make_unique<watchdog>(
      std::move(all),
      [this] {
        for (auto& loop : loops_)
          loop->wake();
        workers_->ask();
      },
      log_);
}

} // namespace hubbub::daemon
