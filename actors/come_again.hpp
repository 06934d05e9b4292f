#pragma once

#include "broker/connection.hpp"

#include <utility>

namespace hubbub::actors {

/// A client that is let in only to be told when to come again: what is refused before the upgrade a browser
/// does not show to the page that asked.
class come_again final : public broker::connection_handler {
public:
  explicit come_again(broker::disconnect why) : why_{std::move(why)} {}

  void on_open(broker::connection& c) override { c.close(why_); }
  void on_message(std::string_view) override {}
  void on_binary() override {}
  void on_writable() override {}
  void on_control_sent() override {}
  void on_closed() override {}

private:
  const broker::disconnect why_;
};

} // namespace hubbub::actors
