#pragma once

#include "broker/errc.hpp"
#include "broker/method_name.hpp"
#include "broker/room_name.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hubbub::cluster {

/// The NATS subjects and stream names of one installation. NATS' client does not check subjects, and a line
/// break in one would inject commands: they are only made here, of what a parser has let through. Any thread.
class subjects {
public:
  /// Why a room of that namespace is refused when it is not declared.
  [[nodiscard]] static broker::refusal undeclared(std::string_view space);

  /// Refuses a prefix that is not one token of a namespace's grammar.
  [[nodiscard]] static broker::result<subjects> under(std::string_view prefix);

  /// Events in.
  [[nodiscard]] std::string in(const broker::room_name& room) const { return in_ + room.str(); }
  /// Retained events out, as the stream republishes them.
  [[nodiscard]] std::string out(const broker::room_name& room) const { return out_ + room.str(); }
  /// A live room's events between nodes.
  [[nodiscard]] std::string live(const broker::room_name& room) const { return live_ + room.str(); }

  /// Where a backend is asked about a client's event, and where clients' calls go.
  [[nodiscard]] std::string up(const broker::room_name& room) const { return prefix_ + ".up." + room.str(); }
  [[nodiscard]] std::string call(const broker::method_name& method) const {
    return prefix_ + ".call." + method.str();
  }
  /// What happened; `kind` is one of our words.
  [[nodiscard]] std::string notify(std::string_view kind) const {
    return prefix_ + ".notify." + std::string{kind};
  }

  /// What nodes say of their people in a room, and where they ask each other.
  [[nodiscard]] std::string presence(const broker::room_name& room) const { return presence_ + room.str(); }
  /// Where nodes say that they are alive, or end.
  [[nodiscard]] std::string beats() const { return prefix_ + ".node.beat"; }
  /// What goes to one node alone, in one of its lives.
  [[nodiscard]] std::string to_node(std::uint64_t owner) const;

  /// Nobody ever listens there: a question whose answer says that the server has seen what was sent before.
  [[nodiscard]] std::string nobody() const { return prefix_ + ".node.nobody"; }
  /// Where operators give orders to all nodes.
  [[nodiscard]] std::string control(std::string_view what) const {
    return prefix_ + ".control." + std::string{what};
  }
  /// The key-value bucket of revocations.
  [[nodiscard]] std::string revocations() const { return prefix_ + "_revocations"; }

  /// All rooms of a namespace, which must be one.
  [[nodiscard]] std::string all_in(std::string_view space) const { return in_ + tail_of(space); }
  [[nodiscard]] std::string all_out(std::string_view space) const { return out_ + tail_of(space); }
  /// The stream that keeps a namespace.
  [[nodiscard]] std::string stream(std::string_view space) const;

  /// The stream of the canaries; no namespace's stream can have its name.
  [[nodiscard]] std::string canary_stream() const;
  [[nodiscard]] std::string canary_in(std::string_view node) const;
  [[nodiscard]] std::string canary_out(std::string_view node) const;

  /// May whoever asks be answered there? None of NATS' own subjects, and none of these: whoever may only ask
  /// would have a node publish there in its own name.
  [[nodiscard]] bool is_for_answers(std::string_view reply) const noexcept {
    return !reply.empty() && reply.front() != '$' &&
           !(reply.starts_with(prefix_) && reply.substr(prefix_.size()).starts_with('.'));
  }

  /// The room of an event that came in; none when that is no room's name.
  [[nodiscard]] std::optional<broker::room_name> room_in(std::string_view subject) const;

private:
  explicit subjects(std::string_view prefix);
  [[nodiscard]] static std::string tail_of(std::string_view space);

  std::string prefix_;
  std::string in_;
  std::string out_;
  std::string live_;
  std::string presence_;
  std::string streams_;
};

} // namespace hubbub::cluster
