#include "transport/wire.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <new>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

namespace hubbub::transport {

namespace {

/// The most that one TLS record holds (RFC 8446 section 5.1).
constexpr std::size_t record_max = 16'384;

/// Cuts parts into records: as they lie where they are large, gathered where they are small,
/// because each record costs a system call.
class record_cutter {
public:
  explicit record_cutter(std::span<const std::string_view> parts) noexcept : parts_{parts} {}

  /// Empty: that was all. Valid until the next call.
  std::string_view next() noexcept {
    std::size_t size = 0;
    while (!parts_.empty() && size < record_max) {
      auto rest = parts_.front().substr(at_);
      if (size == 0 && (rest.size() >= record_max || parts_.size() == 1)) {
        auto piece = rest.substr(0, record_max);
        advance(piece.size());
        return piece;
      }
      auto piece = rest.substr(0, record_max - size);
      std::memcpy(gathered_.data() + size, piece.data(), piece.size());
      size += piece.size();
      advance(piece.size());
    }
    return {gathered_.data(), size};
  }

private:
  void advance(std::size_t by) noexcept {
    at_ += by;
    if (at_ < parts_.front().size())
      return;
    at_ = 0;
    parts_ = parts_.subspan(1);
  }

  std::span<const std::string_view> parts_;
  std::size_t at_ = 0;
  std::array<char, record_max> gathered_;
};

} // namespace

wire::wire(int descriptor, ssl_st* tls) noexcept : descriptor_{descriptor}, tls_{tls} {
  if (!tls_)
    return;
  SSL_set_fd(tls_, descriptor); // a socket BIO: no memory BIOs, no 17 KB buffers
  SSL_set_accept_state(tls_);
}

wire::wire(wire&& other) noexcept { *this = std::move(other); }

wire& wire::operator=(wire&& other) noexcept {
  if (this == &other)
    return *this;
  close();
  descriptor_ = std::exchange(other.descriptor_, -1);
  owed_size_ = std::exchange(other.owed_size_, 0);
  progressed_ = other.progressed_;
  read_wants_write_ = other.read_wants_write_;
  broken_ = other.broken_;
  tls_ = std::exchange(other.tls_, nullptr);
  owed_ = std::move(other.owed_);
  return *this;
}

void wire::close() noexcept {
  SSL_free(std::exchange(tls_, nullptr));
  owed_.reset();
  owed_size_ = 0;
  if (descriptor_ >= 0)
    ::close(std::exchange(descriptor_, -1));
}

bool wire::holds_bytes() const noexcept { return tls_ && SSL_has_pending(tls_); }

bool wire::ready() const noexcept { return !tls_ || SSL_is_init_finished(tls_); }

std::ptrdiff_t wire::read(char* to, std::size_t size) noexcept {
  if (!tls_) {
    auto got = ::recv(descriptor_, to, size, MSG_DONTWAIT);
    if (got >= 0)
      return got;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? again : broken;
  }
  if (broken_)
    return broken;
  read_wants_write_ = false;
  ERR_clear_error();
  auto got = SSL_read(tls_, to, static_cast<int>(std::min<std::size_t>(size, 1u << 30)));
  if (got > 0)
    return got;
  switch (SSL_get_error(tls_, got)) {
  case SSL_ERROR_WANT_READ:
    return again;
  case SSL_ERROR_WANT_WRITE:
    read_wants_write_ = true;
    return again;
  case SSL_ERROR_ZERO_RETURN:
    return 0;
  default:
    broken_ = true;
    return broken;
  }
}

std::ptrdiff_t wire::write(std::span<const std::string_view> parts) noexcept {
  progressed_ = false;
  return tls_ ? write_tls(parts) : write_plain(parts);
}

std::ptrdiff_t wire::write_plain(std::span<const std::string_view> parts) noexcept {
  std::ptrdiff_t taken = 0;
  while (!parts.empty()) {
    std::size_t asked = 0;
    ssize_t sent = 0;
    if (parts.size() == 1) {
      asked = parts.front().size();
      sent = ::send(descriptor_, parts.front().data(), asked, MSG_NOSIGNAL | MSG_DONTWAIT);
      parts = {};
    } else {
      std::array<iovec, 64> vectors;
      auto n = std::min(parts.size(), vectors.size());
      for (std::size_t i = 0; i < n; ++i) {
        vectors[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
        asked += parts[i].size();
      }
      msghdr message{};
      message.msg_iov = vectors.data();
      message.msg_iovlen = n;
      sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      parts = parts.subspan(n);
    }
    if (sent < 0)
      return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS ? taken : broken;
    progressed_ |= sent > 0;
    taken += sent;
    if (static_cast<std::size_t>(sent) < asked)
      return taken;
  }
  return taken;
}

std::ptrdiff_t wire::write_tls(std::span<const std::string_view> parts) noexcept {
  if (broken_)
    return broken;
  auto before = BIO_number_written(SSL_get_wbio(tls_));
  std::ptrdiff_t taken = 0;
  if (!owes() || pay()) {
    record_cutter cut{parts};
    for (auto record = cut.next(); !record.empty(); record = cut.next()) {
      auto gone = write_record(record.data(), record.size());
      if (broken_)
        break;
      taken += static_cast<std::ptrdiff_t>(record.size());
      if (!gone)
        break;
    }
  }
  progressed_ = BIO_number_written(SSL_get_wbio(tls_)) != before;
  return broken_ ? broken : taken;
}

bool wire::write_record(const char* data, std::size_t size) noexcept {
  ERR_clear_error();
  auto sent = SSL_write(tls_, data, static_cast<int>(size));
  auto done = static_cast<std::size_t>(std::max(sent, 0));
  if (done == size)
    return true;
  if (sent <= 0 && SSL_get_error(tls_, sent) != SSL_ERROR_WANT_WRITE) {
    broken_ = true; // we do not renegotiate, so that a write never waits for reading
    return false;
  }
  owed_size_ = static_cast<std::uint16_t>(size - done);
  owed_.reset(new (std::nothrow) char[owed_size_]);
  if (!owed_) {
    broken_ = true;
    return false;
  }
  std::memcpy(owed_.get(), data + done, owed_size_);
  return false;
}

bool wire::pay() noexcept {
  while (owes()) {
    ERR_clear_error();
    auto sent = SSL_write(tls_, owed_.get(), owed_size_);
    if (sent <= 0) {
      broken_ = SSL_get_error(tls_, sent) != SSL_ERROR_WANT_WRITE;
      return false;
    }
    owed_size_ = static_cast<std::uint16_t>(owed_size_ - sent);
    std::memmove(owed_.get(), owed_.get() + sent, owed_size_);
  }
  owed_.reset();
  return true;
}

std::size_t wire::unacknowledged() const noexcept {
  int n = 0;
  return ioctl(descriptor_, SIOCOUTQ, &n) == 0 && n > 0 ? static_cast<std::size_t>(n) : 0;
}

std::chrono::milliseconds wire::unacknowledged_for() const noexcept {
  tcp_info i{};
  socklen_t size = sizeof i;
  if (getsockopt(descriptor_, IPPROTO_TCP, TCP_INFO, &i, &size) != 0 || i.tcpi_unacked == 0)
    return std::chrono::milliseconds{0};
  return std::chrono::milliseconds{i.tcpi_last_ack_recv};
}

void wire::shut_writing() noexcept {
  if (tls_ && !broken_ && SSL_is_init_finished(tls_)) {
    ERR_clear_error();
    SSL_shutdown(tls_);
  }
  ::shutdown(descriptor_, SHUT_WR);
}

} // namespace hubbub::transport
