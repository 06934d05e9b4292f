#include "transport/listener.hpp"

#include "broker/rate_limit.hpp"
#include "transport/http_session.hpp"
#include "transport/lobby.hpp"
#include "transport/tls_context.hpp"
#include "transport/visit.hpp"
#include "transport/wire.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace hubbub::transport {

namespace {

using broker::errc;
using broker::refusal;

/// Accepted in one turn, before those who are in have theirs.
constexpr int accepts_per_turn = 8;
/// Sockets that are turned away politely at a time; others are just closed. They are beyond what the node
/// may have open, so they live on the descriptors that it keeps in reserve.
constexpr std::int64_t polite_refusals = 100;

/// A descriptor that is closed unless it is released.
class owned_descriptor {
public:
  explicit owned_descriptor(int descriptor) noexcept : descriptor_{descriptor} {}
  owned_descriptor(owned_descriptor&& other) noexcept : descriptor_{other.release()} {}
  owned_descriptor& operator=(owned_descriptor&&) = delete;
  ~owned_descriptor() {
    if (descriptor_ >= 0)
      ::close(descriptor_);
  }
  [[nodiscard]] int get() const noexcept { return descriptor_; }
  [[nodiscard]] int release() noexcept { return std::exchange(descriptor_, -1); }

private:
  int descriptor_;
};

void set(int descriptor, int level, int name, int value) noexcept {
  ::setsockopt(descriptor, level, name, &value, sizeof value);
}

std::string address_of(const sockaddr_storage& peer) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (peer.ss_family == AF_INET)
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(peer).sin_addr, text.data(), text.size());
  else
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr, text.data(), text.size());
  std::string address{text.data()};
  // An IPv4 peer of an IPv6 socket is the same peer.
  if (address.starts_with("::ffff:") && address.find('.') != address.npos)
    address.erase(0, 7);
  return address;
}

struct endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;
  int family = AF_INET;
};

broker::result<endpoint> resolve(const listener_options& options) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV | (options.address == "localhost" ? 0 : AI_NUMERICHOST);
  addrinfo* found = nullptr;
  if (::getaddrinfo(options.address.c_str(), std::to_string(options.port).c_str(), &hints, &found) != 0 ||
      !found)
    return refusal{errc::bad_command, "\"" + options.address + "\" is not an address to listen on"};
  endpoint e;
  std::memcpy(&e.address, found->ai_addr, found->ai_addrlen);
  e.size = found->ai_addrlen;
  e.family = found->ai_family;
  ::freeaddrinfo(found);
  return e;
}

refusal cannot_listen(const listener_options& options, int error) {
  const auto where = options.address + " port " + std::to_string(options.port);
  switch (error) {
  case EADDRINUSE:
    return {errc::unavailable, where + " is in use by another program"};
  case EACCES:
    return {errc::forbidden, "listening on " + where + " is not permitted"};
  case EADDRNOTAVAIL:
    return {errc::bad_command, "this machine has no address " + options.address};
  default:
    return {errc::unavailable, "cannot listen on " + where + ": " + std::strerror(error)};
  }
}

broker::result<owned_descriptor> bound(const listener_options& options, const endpoint& where,
                                       bool reuse_port) {
  owned_descriptor made{::socket(where.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (made.get() < 0)
    return cannot_listen(options, errno);
  set(made.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (reuse_port)
    set(made.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (::bind(made.get(), reinterpret_cast<const sockaddr*>(&where.address), where.size) != 0)
    return cannot_listen(options, errno);
  return made;
}

} // namespace

/// The listening socket. Its loop only, but for `open`.
class listener::acceptor final : public pollable, public resident {
public:
  explicit acceptor(std::shared_ptr<lobby> home)
      : lobby_{std::move(home)}, told_over_tls_{lobby_->options().tls_refusals_per_second} {
    lobby_->loop().add(*this);
  }
  ~acceptor() { lobby_->loop().remove(*this); }

  broker::result<void> open() {
    const auto& options = lobby_->options();
    auto where = resolve(options);
    if (!where)
      return where.error();
    if (options.reuse_port && options.refuse_shared && options.port != 0) {
      // Without SO_REUSEPORT the system tells whether anyone is there.
      if (auto probe = bound(options, *where, false); !probe)
        return probe.error();
    }
    auto made = bound(options, *where, options.reuse_port);
    if (!made)
      return made.error();
    // Accepted sockets inherit these.
    const auto descriptor = made->get();
    set(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    set(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(options.user_timeout.count()));
    if (options.send_buffer_bytes)
      set(descriptor, SOL_SOCKET, SO_SNDBUF, static_cast<int>(options.send_buffer_bytes));
    if (::listen(descriptor, static_cast<int>(options.backlog)) != 0)
      return cannot_listen(options, errno);
    sockaddr_storage got{};
    socklen_t size = sizeof got;
    ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&got), &size);
    port_ = ntohs(got.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(got).sin6_port
                                            : reinterpret_cast<sockaddr_in&>(got).sin_port);
    if (!lobby_->loop().watch(descriptor, EPOLLIN, *this))
      return cannot_listen(options, errno);
    descriptor_ = std::make_unique<owned_descriptor>(made->release());
    return {};
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  void close() noexcept {
    if (!descriptor_)
      return;
    lobby_->loop().unwatch(descriptor_->get());
    descriptor_.reset();
  }

  /// Whoever has connected already is served before the door closes: its connection would be reset.
  void close_behind() {
    for (std::uint32_t i = 0; i < lobby_->options().backlog && descriptor_ && !resting_ && accept_one(); ++i)
      continue;
    close();
  }

  void on_ready(std::uint32_t) override {
    for (int i = 0; i < accepts_per_turn && descriptor_; ++i)
      if (!accept_one())
        return;
  }

  void on_tick(broker::steady_time) override {
    if (std::exchange(resting_, false) && descriptor_)
      lobby_->loop().rewatch(descriptor_->get(), EPOLLIN, *this);
  }

  void on_stop() override { close(); }

private:
  bool accept_one() {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const auto descriptor = ::accept4(descriptor_->get(), reinterpret_cast<sockaddr*>(&peer), &size,
                                      SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK)
        return false;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        // The socket stays readable: look again with the next tick, or the loop would spin.
        ++lobby_->counters().accept_errors;
        resting_ = true;
        lobby_->loop().rewatch(descriptor_->get(), 0, *this);
        return false;
      }
      return true; // the peer went away meanwhile, or a signal came
    }
    auto& counters = lobby_->counters();
    ++counters.accepted;
    auto address = address_of(peer);
    auto* acceptor = lobby_->acceptor();
    if (acceptor)
      if (const auto shut = acceptor->may_connect(address, lobby_->options().tls != nullptr);
          shut.what != broker::door::open) {
        turn_away(descriptor, count_shut(shut));
        return true;
      }
    visit guest{acceptor, std::move(address)};
    // Behind the above: nobody loses its place to one who may not come in anyway.
    const auto place = lobby_->place_for_newcomer();
    if (place == broker::handshake_place::none) {
      ++counters.refused_handshakes;
      turn_away(descriptor, {errc::overloaded, "too many handshakes are under way", lobby_->come_again_ms()});
      return true;
    }
    ssl_st* tls = nullptr;
    if (lobby_->options().tls) {
      tls = lobby_->options().tls->new_session();
      if (!tls) {
        ++counters.tls_failed;
        ::close(descriptor);
        return true;
      }
    }
    http_session::serve(*lobby_, wire{descriptor, tls}, std::move(guest), place);
    return true;
  }

  /// What a socket is told for which the door is shut; counts it.
  refusal count_shut(const broker::door_answer& shut) {
    auto& counters = lobby_->counters();
    switch (shut.what) {
    case broker::door::too_often:
      ++counters.refused_often;
      return {errc::rate_limited, "your address connects too often", shut.retry_after_ms};
    case broker::door::before_tls:
      ++counters.refused_before_tls;
      return {errc::overloaded, "too many handshakes at once", shut.retry_after_ms};
    default:
      ++counters.refused_busy;
      return {errc::overloaded, "no more connections are taken now", shut.retry_after_ms};
    }
  }

  void turn_away(int descriptor, const refusal& why) {
    owned_descriptor refused{descriptor};
    const auto& options = lobby_->options();
    if (lobby_->counters().turning_away >= polite_refusals)
      return;
    ssl_st* tls = nullptr;
    if (options.tls) {
      if (options.tls_refusals_per_second == 0 || !told_over_tls_.take(lobby_->loop().now()))
        return;
      tls = options.tls->new_session();
      if (!tls)
        return;
    }
    http_session::turn_away(*lobby_, wire{refused.release(), tls}, why);
  }

  std::shared_ptr<lobby> lobby_;
  broker::rate_limit told_over_tls_;
  std::unique_ptr<owned_descriptor> descriptor_;
  std::uint16_t port_ = 0;
  bool resting_ = false;
};

listener::listener(event_loop& at, listener_options options, broker::connection_acceptor* acceptor_port,
                   broker::http_handler* http)
    : loop_{at},
      lobby_{std::make_shared<lobby>(at, std::move(options), acceptor_port, http)},
      acceptor_{std::make_shared<acceptor>(lobby_)} {}

listener::~listener() = default;

broker::result<void> listener::open() { return acceptor_->open(); }

std::uint16_t listener::port() const noexcept { return acceptor_->port(); }

void listener::close() {
  loop_.post([door = std::weak_ptr{acceptor_}] {
    if (auto held = door.lock())
      held->close_behind();
  });
}

void listener::close_all(broker::disconnect why) {
  close();
  loop_.post([home = std::weak_ptr{lobby_}, why = std::move(why)] {
    if (auto held = home.lock())
      held->say_goodbye(why);
  });
}

const transport_counters& listener::counters() const noexcept { return lobby_->counters(); }

} // namespace hubbub::transport
