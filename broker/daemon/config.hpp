#pragma once

#include "broker/daemon/endpoint.hpp"
#include "broker/limits.hpp"
#include "broker/log.hpp"
#include "broker/notice.hpp"
#include "broker/policy.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace hubbub::daemon {

using std::chrono::milliseconds;

/// Does the log wait for the disk before it confirms (SQLite's `synchronous`)?
enum class sync_mode : std::uint8_t { full, normal };
enum class log_format : std::uint8_t { human, json };

/// A room keeps what it knows of each loop in a bit of one word.
inline constexpr std::uint32_t most_loops = 64;

struct server_config {
  endpoint listen{"0.0.0.0", 8080};
  endpoint admin{"127.0.0.1", 8081};
  /// 0: one for each core. At most `most_loops`.
  std::uint32_t loops = 0;
  std::uint32_t workers = 1;
  /// This node's name; by default the host's.
  std::string node;
  /// Empty: the log is kept in memory.
  std::string data_dir;
  bool dev = false;
  bool ready_without_bus = false;
};

/// Files in PEM. Both empty: no TLS.
struct tls_config {
  std::string certificate;
  std::string key;
};

struct nats_config {
  /// Empty: no cluster.
  std::string url;
  std::string credentials;
  /// Files in PEM: authorities that count beside the system's, and what a server is shown that asks who we
  /// are. Any of them, or a `tls://` in `url`, demands TLS of every server.
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;
  std::string prefix = "hubbub";
  std::uint32_t replicas = 1;
  /// Of the policies: a node changes only streams that a node with a lower one has configured.
  std::uint32_t generation = 1;
  milliseconds beat = std::chrono::seconds{1};
  milliseconds lease = std::chrono::seconds{4};
  milliseconds timeout = std::chrono::seconds{2};
  /// Which notices backends get, in the order of `broker::notice_names`.
  std::array<bool, broker::notice_kinds> notify{};
  /// Is what operators do told, too (`"audit"`)?
  bool notify_audit = false;
};

struct log_config {
  sync_mode sync = sync_mode::full;
  log_format format = log_format::human;
  broker::log_level level = broker::log_level::info;
};

struct auth_config {
  /// Files with one secret each; a token may be signed with any of them.
  std::vector<std::string> hs256_key_files;
  std::string public_key_file;
  std::string jwks_file;
  std::string jwks_url;
  /// A token's `iss` and `aud` must be these; empty: not looked at.
  std::string issuer;
  std::string audience;
  /// Clients without a token are let in, with the rights of `anyone`.
  bool anonymous = false;
  /// As browsers write them: `https://app.example.com`.
  std::vector<std::string> origins;
  /// Files with one secret each: the first seals tickets, each opens them.
  std::vector<std::string> ticket_keys;
  milliseconds ticket_ttl = std::chrono::hours{1};
  /// How long a revocation is held: no token may live longer, or it would come back to life.
  milliseconds revocation_ttl = std::chrono::days{30};

  /// Is there a key that could verify a token?
  [[nodiscard]] bool has_key() const noexcept {
    return !hs256_key_files.empty() || !public_key_file.empty() || !jwks_file.empty() || !jwks_url.empty();
  }
};

struct admin_config {
  /// Secrets, any of which opens the admin listener's API.
  std::vector<std::string> keys;
  /// No key is asked for (`--dev`).
  bool open = false;
};

struct drain_config {
  /// Connections sent away per second.
  std::uint32_t pace = 200;
  milliseconds grace = std::chrono::seconds{2};
  milliseconds deadline = std::chrono::seconds{60};

  /// What a drain keeps of its deadline for those who were sent away last.
  static constexpr std::chrono::seconds last_answers{3};
};

/// Everything a node was told, checked and with its defaults filled in.
struct config {
  /// The file it came from; empty: none.
  std::string file;
  server_config server;
  tls_config tls;
  nats_config nats;
  log_config log;
  auth_config auth;
  admin_config admin;
  drain_config drain;
  broker::limits limits;
  broker::namespaces namespaces;
  /// Sentences for the log: what was accepted and is probably not meant so.
  std::vector<std::string> warnings;
};

} // namespace hubbub::daemon
