#pragma once

#include "broker/protocol.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hubbub::broker::protocol {

/// Remembers what a message was found to hold.
class command_recorder final : public command_sink {
public:
  struct bad {
    std::string id;
    refusal why;
  };

  explicit command_recorder(std::size_t wanted = SIZE_MAX) : wanted_{wanted} {}

  bool on_command(command&& c) override {
    order += 'c';
    commands.push_back(std::move(c));
    return order.size() < wanted_;
  }
  bool on_bad(std::string id, refusal why) override {
    order += 'b';
    refused.push_back({std::move(id), std::move(why)});
    return order.size() < wanted_;
  }

  std::vector<command> commands;
  std::vector<bad> refused;
  /// `c` for each command and `b` for each refusal.
  std::string order;

private:
  std::size_t wanted_;
};

inline command_recorder parsed(std::string_view message, parse_limits bounds = {}) {
  command_recorder seen;
  parser{bounds}.parse(message, seen);
  return seen;
}

/// The one command that `message` holds.
template <class Command>
Command one(std::string_view message) {
  auto seen = parsed(message);
  if (seen.order != "c" || !std::holds_alternative<Command>(seen.commands.front().what))
    throw std::runtime_error{"not one such command: " + std::string{message}};
  return std::get<Command>(std::move(seen.commands.front().what));
}

} // namespace hubbub::broker::protocol
