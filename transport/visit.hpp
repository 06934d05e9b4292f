#pragma once

#include "broker/connection.hpp"

#include <string>
#include <utility>

namespace hubbub::transport {

/// A socket that `may_connect` let in; tells the acceptor once when it is gone. Its loop only.
class visit {
public:
  visit() = default;
  /// `acceptor` may be null.
  visit(broker::connection_acceptor* acceptor, std::string address)
      : acceptor_{acceptor}, address_{std::move(address)} {}
  visit(visit&& other) noexcept
      : acceptor_{std::exchange(other.acceptor_, nullptr)}, address_{std::move(other.address_)} {}
  visit& operator=(visit&&) = delete;
  ~visit() {
    if (acceptor_)
      acceptor_->disconnected(address_);
  }

  [[nodiscard]] const std::string& address() const noexcept { return address_; }

private:
  broker::connection_acceptor* acceptor_ = nullptr;
  std::string address_;
};

} // namespace hubbub::transport
