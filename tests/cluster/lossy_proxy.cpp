#include "tests/cluster/lossy_proxy.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

namespace hubbub::test {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

struct command {
  std::string line;
  /// With its line.
  std::string whole;
  [[nodiscard]] bool has_payload() const noexcept { return whole.size() > line.size() + 2; }
};

bool send_all(int to, std::string_view text) {
  while (!text.empty()) {
    const auto n = ::send(to, text.data(), text.size(), MSG_NOSIGNAL);
    if (n <= 0)
      return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

/// Takes the next command that is whole; none: more has to come.
std::optional<command> take_command(std::string& said) {
  const auto end = said.find("\r\n");
  if (end == said.npos)
    return std::nullopt;
  const auto line = said.substr(0, end);
  auto size = end + 2;
  // These have as many bytes behind their line as its last word says.
  for (const auto* with_payload : {"MSG ", "HMSG ", "PUB ", "HPUB "})
    if (line.starts_with(with_payload))
      size += std::stoul(line.substr(line.rfind(' ') + 1)) + 2;
  if (said.size() < size)
    return std::nullopt;
  command c{line, said.substr(0, size)};
  said.erase(0, size);
  return c;
}

} // namespace

lossy_proxy::lossy_proxy(std::uint16_t server) : server_{server} {
  listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto at = loopback(0);
  socklen_t size = sizeof at;
  if (::bind(listening_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
      ::listen(listening_, 16) != 0 ||
      ::getsockname(listening_, reinterpret_cast<sockaddr*>(&at), &size) != 0)
    throw std::runtime_error{"no port for a proxy"};
  port_ = ntohs(at.sin_port);
  accepting_ = std::thread{[this] { accept_all(); }};
}

lossy_proxy::~lossy_proxy() {
  over_ = true;
  cut();
  accepting_.join();
  ::close(listening_);
}

void lossy_proxy::lose(const std::string& subject, const std::string& payload) {
  std::lock_guard lock{mutex_};
  lose_ = {{subject, payload}};
}

void lossy_proxy::lose_also(const std::string& subject, const std::string& payload) {
  std::lock_guard lock{mutex_};
  lose_.push_back({subject, payload});
}

void lossy_proxy::lose_nothing() {
  std::lock_guard lock{mutex_};
  lose_.clear();
}

void lossy_proxy::hold(const std::string& subject, const std::string& payload) {
  std::lock_guard lock{mutex_};
  let_go_ = false;
  hold_ = {subject, payload};
}

void lossy_proxy::cut() {
  cut_ = true;
  std::lock_guard lock{mutex_};
  for (const int s : open_)
    ::shutdown(s, SHUT_RDWR);
}

void lossy_proxy::accept_all() {
  std::vector<std::thread> all;
  while (!over_) {
    pollfd ready{listening_, POLLIN, 0};
    if (::poll(&ready, 1, 20) <= 0)
      continue;
    // A server that a test starts would hold it open.
    const int client = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0)
      continue;
    if (cut_) {
      ::close(client);
      continue;
    }
    ++accepted_;
    all.emplace_back([this, client] { serve(client); });
  }
  for (auto& t : all)
    t.join();
}

bool lossy_proxy::kind::has(const std::string& line, const std::string& body) const {
  const auto from = line.find(' ') + 1;
  return !payload.empty() && line.compare(from, subject.size(), subject) == 0 &&
         body.find(payload) != body.npos;
}

bool lossy_proxy::is_lost(const std::string& line, const std::string& body) {
  std::lock_guard lock{mutex_};
  if (std::none_of(lose_.begin(), lose_.end(), [&](const kind& k) { return k.has(line, body); }))
    return false;
  ++lost_;
  return true;
}

bool lossy_proxy::is_to_be_held(const std::string& line, const std::string& body) {
  std::lock_guard lock{mutex_};
  if (!hold_.has(line, body))
    return false;
  hold_ = {};
  holds_ = true;
  return true;
}

void lossy_proxy::note_asked(const std::string& line) {
  const auto from = line.find(' ') + 1;
  std::lock_guard lock{mutex_};
  asked_.push_back(line.substr(from, line.find(' ', from) - from));
}

std::size_t lossy_proxy::asked(const std::string& subject) {
  std::lock_guard lock{mutex_};
  return static_cast<std::size_t>(std::count_if(
      asked_.begin(), asked_.end(), [&](const std::string& one) { return one.starts_with(subject); }));
}

void lossy_proxy::serve(int client) {
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto at = loopback(server_);
  const int yes = 1;
  ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  ::setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  {
    std::lock_guard lock{mutex_};
    open_.insert({client, server});
  }
  auto up = ::connect(server, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  std::string client_said, server_said, held;
  auto greeted = false;
  char some[65536];
  while (up && !over_) {
    pollfd both[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    if (::poll(both, 2, held.empty() ? 100 : 5) < 0)
      break;
    if (!held.empty() && let_go_) {
      up = send_all(client, std::exchange(held, {}));
      holds_ = false;
    }
    if (both[0].revents != 0) {
      const auto n = ::recv(client, some, sizeof some, 0);
      up = n > 0 && send_all(server, {some, static_cast<std::size_t>(n)});
      if (up)
        client_said.append(some, static_cast<std::size_t>(n));
      while (const auto c = take_command(client_said))
        if (c->has_payload())
          note_asked(c->line);
    }
    if (both[1].revents != 0) {
      const auto n = ::recv(server, some, sizeof some, 0);
      if (n <= 0)
        break;
      server_said.append(some, static_cast<std::size_t>(n));
      while (up) {
        const auto c = take_command(server_said);
        if (!c)
          break;
        if (c->line == "PONG" && !std::exchange(greeted, true))
          ++greeted_;
        if (c->has_payload() && is_to_be_held(c->line, c->whole))
          held = c->whole;
        else if (!c->has_payload() || !is_lost(c->line, c->whole))
          up = send_all(client, c->whole);
      }
    }
  }
  std::lock_guard lock{mutex_};
  for (const int s : {client, server}) {
    open_.erase(s);
    ::close(s);
  }
}

} // namespace hubbub::test
