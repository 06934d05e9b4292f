#pragma once

#include "broker/policy.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hubbub::cluster {

/// What JetStream is asked and what it answers, as JSON. Reading never throws; what cannot be read is an
/// error like what the server refused.
namespace js {

/// Why the server refused.
struct error {
  /// As HTTP's; 0: none. 1: the answer could not be read.
  int code = 0;
  int err_code = 0;
  std::string description;
  [[nodiscard]] explicit operator bool() const noexcept { return code != 0; }
};
inline constexpr int stream_not_found = 10059;
/// By a stream of another configuration.
inline constexpr int stream_name_in_use = 10058;
inline constexpr int no_message_found = 10037;
inline constexpr int not_enabled_for_account = 10039;
inline constexpr int not_enabled = 10076;
/// Of a publish that named what it expected last: something else is. (A replicated stream of a newer server
/// says the second one while another publish is on its way.)
[[nodiscard]] inline bool is_wrong_last(const error& why) noexcept {
  return why.err_code == 10071 || why.err_code == 10164;
}

/// What hubbub decides about a stream.
struct stream_config {
  std::string name;
  std::string description;
  std::string subject;
  std::string republish_from;
  std::string republish_to;
  std::int64_t max_msgs_per_subject = -1;
  std::int64_t max_age_ns = 0;
  std::int64_t duplicate_window_ns = 0;
  std::int32_t max_msg_size = -1;
  std::uint32_t replicas = 1;
  bool allow_direct = false;
  bool file = true;
  // What others may have made of it; hubbub wants the defaults.
  bool republish_headers_only = false;
  bool discard_old = true;
  bool no_ack = false;
  bool sealed = false;
  std::string retention = "limits";
  /// Of all rooms together; -1: no limit.
  std::int64_t max_msgs = -1;
  std::int64_t max_bytes = -1;
  /// It takes in what other streams have.
  bool has_sources = false;
  /// The stream that it copies; empty: none.
  std::string mirror;

  bool operator==(const stream_config&) const = default;

  /// Why nothing can be published to it, whoever it belongs to; empty: it can.
  [[nodiscard]] std::string why_closed() const;
};
/// For creating and for updating.
[[nodiscard]] std::string to_json(const stream_config& c);

struct stream_info {
  error why;
  stream_config config;
  std::string created;
  std::int64_t created_ms = 0;
  std::uint64_t messages = 0;
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  /// When the oldest one came that it has, and the last one of all.
  std::int64_t first_time_ms = 0;
  std::int64_t last_time_ms = 0;
  /// Whose answer this is, in a cluster; empty otherwise.
  std::string leader;
  /// Was it given by a server before 2.10? Those do not say when (`ts`, nats-io/nats-server#4133).
  bool before_2_10 = false;
};
[[nodiscard]] stream_info read_stream_info(std::string_view json);

/// Of a publish.
struct ack {
  error why;
  std::uint64_t sequence = 0;
  bool duplicate = false;
};
[[nodiscard]] ack read_ack(std::string_view json);
/// Does that stream say so, or JetStream why none took it? Whoever listens to a stream's subjects may answer.
[[nodiscard]] bool is_ack_of(std::string_view stream, std::string_view json) noexcept;

/// One message of a stream, as its leader has it.
struct message {
  error why;
  std::string subject;
  std::uint64_t sequence = 0;
  std::string headers;
  std::string data;
  std::int64_t time_ms = 0;
};
[[nodiscard]] message read_message(std::string_view json);
/// Asks for the newest message of a subject, the one with that sequence, or the first of a subject from there
/// on.
[[nodiscard]] std::string get_last(std::string_view subject);
[[nodiscard]] std::string get_one(std::uint64_t sequence);
[[nodiscard]] std::string get_next(std::uint64_t from, std::string_view subject);

struct consumer_config {
  std::string stream;
  std::string name;
  /// Empty: all of the stream.
  std::string subject;
  std::uint64_t start = 1;
  bool headers_only = false;
};
[[nodiscard]] std::string to_json(const consumer_config& c);
struct consumer_info {
  error why;
  std::uint64_t pending = 0;
};
[[nodiscard]] consumer_info read_consumer_info(std::string_view json);
[[nodiscard]] std::string next_messages(std::uint32_t count, std::int64_t wait_ms);

} // namespace js

} // namespace hubbub::cluster
