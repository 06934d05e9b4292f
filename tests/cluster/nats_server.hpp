#pragma once

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace hubbub::test {

/// A port of 127.0.0.1 that nobody has now.
[[nodiscard]] std::uint16_t free_port();

/// A real nats-server with JetStream on a free port of 127.0.0.1, with its store in memory where there is
/// such a place. Ended with this, by its process id.
class nats_server {
public:
  /// Started, and answers. `config` is added to the server's configuration file.
  explicit nats_server(std::string config = {});
  ~nats_server();
  nats_server(const nats_server&) = delete;
  nats_server& operator=(const nats_server&) = delete;

  [[nodiscard]] std::string url() const { return "nats://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  /// Ends it at once, as a crash would.
  void kill();
  /// Starts it again on the same port, with what it kept.
  void start();
  /// Another `config`, for its next start.
  void configure(std::string config) { config_ = std::move(config); }
  /// Forgets everything that it kept; while it is not running.
  void wipe();
  /// Keeps a copy of what it kept, and has it go back to that; while it is not running.
  void save();
  void set_back();
  /// Stopped when this returns: the signal takes each of its threads at a time of its own.
  void stop_for_now();
  void go_on() { ::kill(pid_, SIGCONT); }
  void signal(int which) { ::kill(pid_, which); }

  /// Is there a nats-server on this machine?
  [[nodiscard]] static bool exists();

private:
  [[nodiscard]] bool try_start();

  std::filesystem::path dir_;
  std::string config_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

/// One line of NATS' text protocol each way, for what the client library would not let a test do. Blocks.
class nats_wire {
public:
  explicit nats_wire(std::uint16_t port);
  ~nats_wire();
  nats_wire(const nats_wire&) = delete;
  nats_wire& operator=(const nats_wire&) = delete;

  /// `headers` as they are on the wire, without the version and the empty line; empty: none.
  void publish(const std::string& subject, std::string_view data, const std::string& headers = {});
  /// The same as text, so that many can be sent at once.
  [[nodiscard]] static std::string text_of(const std::string& subject, std::string_view data,
                                           const std::string& headers = {});
  void send(std::string_view text);
  /// Publishes and waits until the server has had it.
  void publish_now(const std::string& subject, std::string_view data, const std::string& headers = {});
  /// The payload of the first answer.
  std::string request(const std::string& subject, std::string_view data = {});
  /// Since 2.10 a server can be told that a stream is to be republished elsewhere.
  [[nodiscard]] bool changes_republishing() const;

private:
  [[nodiscard]] std::string line();
  [[nodiscard]] std::string bytes(std::size_t n);
  void pong();

  int socket_ = -1;
  std::string info_; // what the server said first
  std::string read_;
};

} // namespace hubbub::test
