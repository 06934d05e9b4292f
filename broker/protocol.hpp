#pragma once

#include "broker/backend.hpp"
#include "broker/command.hpp"
#include "broker/push.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// `hubbub.v1.json`: bytes to commands, and replies and pushes to bytes.
/// Encoders append one JSON text to `out`; they know nothing of WebSocket framing.
namespace hubbub::broker::protocol {

/// Takes what a message was found to hold, in order.
class command_sink {
public:
  virtual ~command_sink() = default;
  /// False stops the parser: nothing more of the message is wanted.
  [[nodiscard]] virtual bool on_command(command&& c) = 0;
  /// `id` as in `command`; empty when there was none to read.
  [[nodiscard]] virtual bool on_bad(std::string id, refusal why) = 0;
};

/// Bounds on what is looked at.
struct parse_limits {
  std::uint32_t payload_bytes = 65'536;
  std::uint32_t depth = 64;
  /// Commands in one array.
  std::uint32_t batch = 256;
};

/// Parses messages. Keeps scratch memory between calls: one for each loop. Its loop only.
class parser {
public:
  explicit parser(parse_limits bounds = {});
  ~parser();

  /// One text message: an object, or an array of them.
  void parse(std::string_view message, command_sink& to);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// Is `text` exactly one JSON value in valid UTF-8, not deeper than `depth`?
[[nodiscard]] bool is_json(std::string_view text, std::uint32_t depth = 64) noexcept;
/// Is `text` 1 to 128 printable bytes (`type`, `key`, `event_id`)?
[[nodiscard]] bool is_label(std::string_view text) noexcept;

/// Where an event's key stands in its JSON text, between the quotes, escaped as it is there.
struct key_place {
  std::uint32_t at = 0;
  std::uint32_t size = 0;
};
/// `retained`: with its offset.
key_place encode_event(std::string& out, const stored_event& e, bool retained);

void encode_welcome(std::string& out, const welcome& w);
void encode_ok_auth(std::string& out, std::string_view id, std::string_view user, std::string_view ticket,
                    std::optional<std::int64_t> expires_in_ms);
void encode_ok_join(std::string& out, std::string_view id, const joined& j);
void encode_ok_resume(std::string& out, std::string_view id, std::string_view user,
                      const std::vector<resumed_room>& rooms);
/// For `leave` and `update`.
void encode_ok_room(std::string& out, std::string_view id, const room_name& room);
/// `live`: only the event's id.
void encode_ok_publish(std::string& out, std::string_view id, const stored& s, bool live);
/// Of a publish that a backend has agreed to.
void encode_ok_accepted(std::string& out, std::string_view id, std::string_view event_id);
/// Of a call that a backend has agreed to.
void encode_ok_call(std::string& out, std::string_view id, const backend_answer& a);
void encode_ok_history(std::string& out, std::string_view id, const read_result& r);
void encode_ok_presence(std::string& out, std::string_view id, const std::vector<member>& members,
                        std::uint32_t count, bool more);
/// An empty `id` is left out. `event_id` and `outcome` are for a publish.
void encode_error(std::string& out, std::string_view id, const refusal& why);
void encode_error(std::string& out, std::string_view id, const publish_refused& why);
/// What a backend did not agree to; `event_id` is empty for a call.
void encode_error(std::string& out, std::string_view id, const backend_answer& a, std::string_view event_id);
void encode_gap(std::string& out, const gap& g);
void encode_dropped(std::string& out, const room_name& room, std::uint64_t count);
void encode_presence(std::string& out, const presence_change& p);
void encode_ping(std::string& out);
void encode_expiring(std::string& out, std::int64_t in_ms);
/// A newer one, in time before the last one ends.
void encode_ticket(std::string& out, std::string_view ticket);
void encode_goodbye(std::string& out, const disconnect& why);

} // namespace hubbub::broker::protocol
