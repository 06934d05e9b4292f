#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

struct ssl_st;

namespace hubbub::transport {

/// A non-blocking socket, with or without TLS, that owns no buffer. Its loop only.
///
/// With TLS a record that was encrypted but did not fit the socket counts as
/// written; its plaintext is kept and repeated until it has gone.
class wire {
public:
  /// What `read` and `write` return besides a number of bytes.
  static constexpr std::ptrdiff_t again = -1;
  static constexpr std::ptrdiff_t broken = -2;

  wire() = default;
  /// Owns both; `tls` may be null.
  wire(int descriptor, ssl_st* tls) noexcept;
  wire(wire&& other) noexcept;
  wire& operator=(wire&& other) noexcept;
  ~wire() { close(); }

  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  [[nodiscard]] bool tls() const noexcept { return tls_ != nullptr; }

  /// At most `size` bytes; 0 is the peer's end, or `again`, or `broken`.
  /// With TLS the first calls shake hands.
  [[nodiscard]] std::ptrdiff_t read(char* to, std::size_t size) noexcept;
  /// TLS has bytes that no readability will announce.
  [[nodiscard]] bool holds_bytes() const noexcept;
  /// Reading goes on when the socket can be written (a handshake's answer waits).
  [[nodiscard]] bool read_wants_write() const noexcept { return read_wants_write_; }
  /// The TLS handshake is done; always true without TLS.
  [[nodiscard]] bool ready() const noexcept;

  /// Takes from `parts` in order; returns how many bytes were taken, or `broken`. When
  /// that is not all, or `owes()`, the socket is full.
  [[nodiscard]] std::ptrdiff_t write(std::span<const std::string_view> parts) noexcept;
  /// A record waits for the socket: `write`, if with nothing, when it is writable.
  [[nodiscard]] bool owes() const noexcept { return owed_size_ != 0; }
  /// Bytes that the kernel holds and the peer has not acknowledged. A system call.
  [[nodiscard]] std::size_t unacknowledged() const noexcept;
  /// How long the peer's host has acknowledged nothing, though something is on its way to it; 0: nothing is.
  /// A system call.
  [[nodiscard]] std::chrono::milliseconds unacknowledged_for() const noexcept;
  /// Did the kernel take a byte in the last `write`?
  [[nodiscard]] bool progressed() const noexcept { return progressed_; }

  /// Says that nothing follows (close_notify, FIN); reading goes on.
  void shut_writing() noexcept;
  void close() noexcept;

private:
  [[nodiscard]] std::ptrdiff_t write_plain(std::span<const std::string_view> parts) noexcept;
  [[nodiscard]] std::ptrdiff_t write_tls(std::span<const std::string_view> parts) noexcept;
  /// True: all gone. False: it is owed, or the wire broke.
  [[nodiscard]] bool write_record(const char* data, std::size_t size) noexcept;
  [[nodiscard]] bool pay() noexcept;

  int descriptor_ = -1;
  std::uint16_t owed_size_ = 0;
  bool progressed_ = false;
  bool read_wants_write_ = false;
  bool broken_ = false;
  ssl_st* tls_ = nullptr;
  /// The plaintext of the record that waits.
  std::unique_ptr<char[]> owed_;
};

} // namespace hubbub::transport
