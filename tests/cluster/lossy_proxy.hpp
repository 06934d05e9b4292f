#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <thread>

namespace hubbub::test {

/// Stands between a NATS client and its server, and loses what it is told to: the link as it may be.
class lossy_proxy {
public:
  explicit lossy_proxy(std::uint16_t server);
  ~lossy_proxy();
  lossy_proxy(const lossy_proxy&) = delete;
  lossy_proxy& operator=(const lossy_proxy&) = delete;

  [[nodiscard]] std::string url() const { return "nats://127.0.0.1:" + std::to_string(port_); }

  /// Loses what the server sends on a subject that begins so and with a payload that has that in it.
  void lose(const std::string& subject, const std::string& payload);
  void lose_nothing();
  /// Ends all connections and accepts no more, or again.
  void cut();
  void heal() { cut_ = false; }
  [[nodiscard]] int lost() const noexcept { return lost_; }

private:
  void accept_all();
  void serve(int client);
  [[nodiscard]] bool is_lost(const std::string& line, const std::string& body);

  const std::uint16_t server_;
  int listening_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> over_{false};
  std::atomic<bool> cut_{false};
  std::atomic<int> lost_{0};
  std::mutex mutex_;
  std::string subject_;
  std::string payload_;
  std::set<int> open_;
  std::thread accepting_;
};

} // namespace hubbub::test
