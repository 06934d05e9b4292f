#pragma once

#include "actors/node_context.hpp"
#include "broker/address_rates.hpp"
#include "broker/connection.hpp"
#include "broker/handshake_budget.hpp"

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace hubbub::actors {

/// Who may come in: counts sockets and handshakes against the node's limits, finds the token
/// of a handshake, and makes the connection's actor. Any thread.
class admission final : public broker::connection_acceptor {
public:
  /// `origin` judges Origin, Host and whether a cookie may carry the token.
  using origin_rule = std::function<broker::refusal(const broker::handshake&)>;
  admission(node_context& node, origin_rule origin);

  [[nodiscard]] broker::door_answer may_connect(std::string_view remote_address, bool tls) override;
  void disconnected(std::string_view remote_address) override;
  [[nodiscard]] std::uint32_t come_again_ms() override;
  [[nodiscard]] broker::result<broker::admitted> admit(const broker::handshake& h, broker::loop& at) override;

  /// Is the cookie the only token that it shows? It counts behind all others.
  [[nodiscard]] static bool only_cookie(const broker::handshake& h) noexcept;

private:
  [[nodiscard]] broker::result<broker::admitted> judge(const broker::handshake& h, broker::loop& at);
  /// Milliseconds until there is room for one more handshake; 0: it was taken. `resumes`: it shows a ticket
  /// that counts, and goes before those that do not.
  [[nodiscard]] std::uint32_t hold_up(bool resumes);
  /// Of the loop that is worst off: the kernel gives each its share of those who come, so all must wait for
  /// it.
  [[nodiscard]] broker::milliseconds longest_lag() const;
  /// The answer to a client that is to come again; a browser is told by `goodbye` with `code`.
  [[nodiscard]] static broker::result<broker::admitted>
  put_off(const broker::handshake& h, const broker::refusal& why,
          broker::close_code code = broker::close_code::overloaded);
  /// The token that counts; empty: none. A cookie that may not carry one was refused before.
  [[nodiscard]] static std::string_view token_of(const broker::handshake& h) noexcept;
  /// The handshake's token, verified; null: it has none, and may come in without.
  [[nodiscard]] broker::result<std::shared_ptr<const broker::identity>> verify(const broker::handshake& h,
                                                                               std::uint32_t loop) const;

  node_context& node_;
  origin_rule origin_;
  std::mutex mutex_;
  broker::handshake_budget handshakes_;
  std::uint32_t sockets_ = 0;
  /// By `counted_address`.
  std::unordered_map<std::string, std::uint32_t> by_address_;
  broker::address_rates rates_;
};

} // namespace hubbub::actors
