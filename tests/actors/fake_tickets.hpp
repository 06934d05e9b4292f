#pragma once

#include "broker/clock.hpp"
#include "broker/tickets.hpp"

#include <string>
#include <vector>

namespace hubbub::tests {

/// Tickets without any seal: `t-0`, `t-1`, in the order in which they were given.
class fake_tickets final : public broker::ticket_office {
public:
  explicit fake_tickets(const broker::clock& time) : time_{time} {}

  broker::milliseconds life = std::chrono::hours{1};
  mutable std::vector<broker::ticket> given;

  [[nodiscard]] std::string seal(const broker::identity& who, broker::session_id session) const override {
    if (who.user == "burdened")
      return {};
    given.push_back({who, session, time_.unix_ms() + life.count()});
    return "t-" + std::to_string(given.size() - 1);
  }
  [[nodiscard]] std::variant<broker::ticket, broker::ticket_flaw> open(std::string_view text) const override {
    const auto number = text.starts_with("t-") ? std::stoul(std::string{text.substr(2)}) : given.size();
    if (number >= given.size())
      return broker::ticket_flaw::tampered;
    if (given[number].expires_ms <= time_.unix_ms())
      return broker::ticket_flaw::expired;
    return given[number];
  }
  [[nodiscard]] broker::milliseconds lives() const noexcept override { return life; }

private:
  const broker::clock& time_;
};

} // namespace hubbub::tests
