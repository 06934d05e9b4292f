#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

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
  /// Beside what it loses already.
  void lose_also(const std::string& subject, const std::string& payload);
  void lose_nothing();
  /// Keeps the next one of such a kind until `let_go`; what comes behind it goes past it.
  void hold(const std::string& subject, const std::string& payload);
  [[nodiscard]] bool holds() const noexcept { return holds_; }
  void let_go() { let_go_ = true; }
  /// Ends all connections and accepts no more, or again.
  void cut();
  void heal() { cut_ = false; }
  [[nodiscard]] int lost() const noexcept { return lost_; }
  /// How often the client has published to a subject that begins so.
  [[nodiscard]] std::size_t asked(const std::string& subject);
  /// How many connections it took, and in how many of them the server has answered a ping.
  [[nodiscard]] int accepted() const noexcept { return accepted_; }
  [[nodiscard]] int greeted() const noexcept { return greeted_; }

private:
  void accept_all();
  void serve(int client);
  struct kind {
    std::string subject;
    std::string payload;
    [[nodiscard]] bool has(const std::string& line, const std::string& body) const;
  };
  void note_asked(const std::string& line);
  [[nodiscard]] bool is_lost(const std::string& line, const std::string& body);
  [[nodiscard]] bool is_to_be_held(const std::string& line, const std::string& body);

  const std::uint16_t server_;
  int listening_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> over_{false};
  std::atomic<bool> cut_{false};
  std::atomic<int> lost_{0};
  std::atomic<int> accepted_{0};
  std::atomic<int> greeted_{0};
  std::mutex mutex_;
  std::vector<kind> lose_;
  kind hold_;
  std::vector<std::string> asked_;
  std::atomic<bool> holds_{false};
  std::atomic<bool> let_go_{false};
  std::set<int> open_;
  std::thread accepting_;
};

} // namespace hubbub::test
