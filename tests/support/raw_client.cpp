#include "tests/support/ws_client.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace hubbub::tests {

namespace {

using std::chrono::steady_clock;

int left(steady_clock::time_point until) {
  auto rest = std::chrono::ceil<milliseconds>(until - steady_clock::now()).count();
  return rest > 0 ? static_cast<int>(rest) : 0;
}

bool wait_for(int descriptor, short events, steady_clock::time_point until) {
  pollfd p{descriptor, events, 0};
  while (true) {
    auto n = ::poll(&p, 1, left(until));
    if (n >= 0 || errno != EINTR)
      return n > 0;
  }
}

int connected(const std::string& host, std::uint16_t port, int receive_buffer) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
    throw std::runtime_error{"no such host: " + host};
  const int descriptor = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer)
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto failed = ::connect(descriptor, found->ai_addr, found->ai_addrlen) != 0;
  const auto why = errno;
  ::freeaddrinfo(found);
  if (failed) {
    ::close(descriptor);
    throw std::runtime_error{"cannot connect to port " + std::to_string(port) + ": " + std::strerror(why)};
  }
  return descriptor;
}

} // namespace

struct raw_client::tls_state {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* session = nullptr;
  ~tls_state() {
    SSL_free(session);
    SSL_CTX_free(context);
  }
};

raw_client::raw_client(const std::string& host, std::uint16_t port, bool tls, int receive_buffer)
    : descriptor_{connected(host, port, receive_buffer)} {
  if (!tls)
    return;
  std::signal(SIGPIPE, SIG_IGN); // OpenSSL writes with write(2)
  tls_ = std::make_unique<tls_state>();
  tls_->session = SSL_new(tls_->context);
  SSL_set_fd(tls_->session, descriptor_);
  SSL_set_tlsext_host_name(tls_->session, "localhost");
  const timeval bound{10, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
  ERR_clear_error();
  if (SSL_connect(tls_->session) != 1) {
    close();
    throw std::runtime_error{"the TLS handshake failed"};
  }
}

raw_client::raw_client(raw_client&& other) noexcept { *this = std::move(other); }

raw_client& raw_client::operator=(raw_client&& other) noexcept {
  if (this == &other)
    return *this;
  close();
  descriptor_ = std::exchange(other.descriptor_, -1);
  ended_ = other.ended_;
  buffer_ = std::move(other.buffer_);
  tls_ = std::move(other.tls_);
  return *this;
}

raw_client::~raw_client() { close(); }

void raw_client::close(bool reset) {
  tls_.reset();
  if (descriptor_ < 0)
    return;
  if (reset) {
    const linger hard{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  }
  ::close(std::exchange(descriptor_, -1));
}

void raw_client::shut_writing() {
  if (tls_)
    SSL_shutdown(tls_->session);
  ::shutdown(descriptor_, SHUT_WR);
}

bool raw_client::send_raw(std::string_view bytes, milliseconds within) {
  const auto until = steady_clock::now() + within;
  while (!bytes.empty()) {
    if (!wait_for(descriptor_, POLLOUT, until))
      return false;
    ssize_t n = 0;
    if (tls_) {
      ERR_clear_error();
      n = SSL_write(tls_->session, bytes.data(), static_cast<int>(bytes.size()));
    } else {
      n = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && (errno == EAGAIN || errno == EINTR))
        continue;
    }
    if (n <= 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool raw_client::fill(milliseconds within) {
  if (ended_ || descriptor_ < 0)
    return false;
  const auto until = steady_clock::now() + within;
  std::array<char, 16'384> bytes;
  if (!(tls_ && SSL_pending(tls_->session)) && !wait_for(descriptor_, POLLIN, until))
    return false;
  ssize_t n = 0;
  if (tls_) {
    ERR_clear_error();
    n = SSL_read(tls_->session, bytes.data(), static_cast<int>(bytes.size()));
  } else {
    n = ::recv(descriptor_, bytes.data(), bytes.size(), 0);
  }
  if (n <= 0) {
    ended_ = true;
    return false;
  }
  buffer_.append(bytes.data(), static_cast<std::size_t>(n));
  return true;
}

std::string raw_client::receive(milliseconds within) {
  if (buffer_.empty())
    fill(within);
  return std::exchange(buffer_, {});
}

std::string raw_client::receive_all(milliseconds within) {
  const auto until = steady_clock::now() + within;
  while (fill(milliseconds{left(until)})) {
  }
  return std::exchange(buffer_, {});
}

std::optional<std::string> raw_client::receive_exactly(std::size_t n, milliseconds within) {
  const auto until = steady_clock::now() + within;
  while (buffer_.size() < n)
    if (!fill(milliseconds{left(until)}))
      return std::nullopt;
  auto taken = buffer_.substr(0, n);
  buffer_.erase(0, n);
  return taken;
}

std::optional<std::string> raw_client::receive_until(std::string_view mark, milliseconds within) {
  const auto until = steady_clock::now() + within;
  std::size_t at = 0;
  while ((at = buffer_.find(mark)) == buffer_.npos)
    if (!fill(milliseconds{left(until)}))
      return std::nullopt;
  return receive_exactly(at + mark.size(), within);
}

bool raw_client::wait_for_end(milliseconds within) {
  const auto until = steady_clock::now() + within;
  while (fill(milliseconds{left(until)}))
    buffer_.clear();
  return ended_;
}

bool raw_client::update_keys() {
  return tls_ && SSL_key_update(tls_->session, SSL_KEY_UPDATE_REQUESTED) == 1;
}

std::string raw_client::certificate_subject() const {
  if (!tls_)
    return {};
  auto* certificate = SSL_get1_peer_certificate(tls_->session);
  if (!certificate)
    return {};
  std::array<char, 256> text{};
  X509_NAME_oneline(X509_get_subject_name(certificate), text.data(), text.size());
  X509_free(certificate);
  return text.data();
}

} // namespace hubbub::tests
