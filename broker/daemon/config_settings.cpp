#include "broker/daemon/config_settings.hpp"

#include "broker/daemon/origin.hpp"
#include "broker/room_name.hpp"

#include <algorithm>
#include <array>

namespace hubbub::daemon {
namespace {

using namespace std::chrono_literals;
using value = const given_value&;

constexpr range any{};
constexpr range positive{.least = 1};

complaint read_endpoint(value v, endpoint& out) {
  const auto* text = std::get_if<std::string>(&v.what);
  auto parsed = text ? endpoint::parse(*text) : std::nullopt;
  if (!parsed)
    return expected("an address and a port, such as \"127.0.0.1:8080\" or \"[::]:8080\"", v);
  out = std::move(*parsed);
  return {};
}

complaint read_node(value v, std::string& out) {
  const auto* text = std::get_if<std::string>(&v.what);
  if (!text || !broker::is_namespace_name(*text))
    return expected("a name of 1 to 64 letters, digits, _ or -", v);
  out = *text;
  return {};
}

/// One file, or a list of them.
complaint read_files(value v, text_list& out) {
  if (const auto* text = std::get_if<std::string>(&v.what); text && !v.is_plain_text) {
    out.assign(text->empty() ? 0 : 1, *text);
    return {};
  }
  if (auto wrong = read(v, out); !wrong.empty())
    return expected("a file's name or a list of them", v);
  return {};
}

/// `"connected", "disconnected", …`
std::string notice_list() {
  std::string all;
  for (const auto name : broker::notice_names)
    all.append("\"").append(name).append("\", ");
  return all + "\"audit\"";
}

complaint read_notices(value v, nats_config& to) {
  text_list names;
  if (!read(v, names).empty())
    return expected("a list of " + notice_list(), v);
  auto& out = to.notify;
  out = {};
  to.notify_audit = false;
  for (const auto& name : names) {
    if (name == "audit") {
      to.notify_audit = true;
      continue;
    }
    const auto found = std::ranges::find(broker::notice_names, name);
    if (found == broker::notice_names.end())
      return expected("any of " + notice_list(), {name});
    out[static_cast<std::size_t>(found - broker::notice_names.begin())] = true;
  }
  return {};
}

/// Secrets are never shown, whatever is wrong with them.
complaint read_secrets(value v, text_list& out, std::size_t least) {
  text_list all;
  if (!read(v, all).empty())
    return "expected a list of strings";
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].size() < least)
      return "number " + std::to_string(i + 1) + " is shorter than " + std::to_string(least) +
             " characters; make one with: openssl rand -base64 32";
  out = std::move(all);
  return {};
}

complaint read_origins(value v, text_list& out) {
  text_list all;
  if (auto wrong = read(v, all); !wrong.empty())
    return wrong;
  for (auto& origin : all) {
    auto normal = normal_origin(origin);
    if (!normal)
      return expected("origins such as \"https://app.example.com\"", {origin});
    origin = std::move(*normal);
  }
  out = std::move(all);
  return {};
}

constexpr std::array all_settings{
    setting{"server", "listen", [](config& c, value v) { return read_endpoint(v, c.server.listen); },
            "listen", "address and port for clients"},
    setting{"server", "admin", [](config& c, value v) { return read_endpoint(v, c.server.admin); }, "admin",
            "address and port for operators and backends"},
    setting{"server", "loops",
            [](config& c, value v) {
              return read(v, c.server.loops, range{0, most_loops});
            },
            "loops", "event loops; 0: one for each core"},
    setting{"server",
            "workers",
            [](config& c, value v) {
              return read(v, c.server.workers, range{1, 256});
            },
            {},
            {}},
    setting{"server", "node", [](config& c, value v) { return read_node(v, c.server.node); }, "node",
            "this node's name; by default the host's"},
    setting{"server", "data_dir", [](config& c, value v) { return read(v, c.server.data_dir); }, "data-dir",
            "directory of the log; without it the log is in memory"},
    setting{"server", "dev", [](config& c, value v) { return read(v, c.server.dev); }, "dev",
            "everyone may do everything, on loopback only"},
    setting{"server",
            "ready_without_bus",
            [](config& c, value v) { return read(v, c.server.ready_without_bus); },
            {},
            {}},

    setting{"tls", "certificate", [](config& c, value v) { return read(v, c.tls.certificate); }, {}, {}},
    setting{"tls", "key", [](config& c, value v) { return read(v, c.tls.key); }, {}, {}},

    setting{"nats", "url", [](config& c, value v) { return read(v, c.nats.url); }, "nats",
            "servers of a cluster, nats://a:4222,nats://b:4222"},
    setting{"nats", "credentials", [](config& c, value v) { return read(v, c.nats.credentials); }, {}, {}},
    setting{"nats", "tls_ca", [](config& c, value v) { return read(v, c.nats.tls_ca); }, {}, {}},
    setting{"nats", "tls_cert", [](config& c, value v) { return read(v, c.nats.tls_cert); }, {}, {}},
    setting{"nats", "tls_key", [](config& c, value v) { return read(v, c.nats.tls_key); }, {}, {}},
    setting{"nats", "prefix", [](config& c, value v) { return read_node(v, c.nats.prefix); }, {}, {}},
    setting{"nats",
            "replicas",
            [](config& c, value v) {
              return read(v, c.nats.replicas, range{1, 5});
            },
            {},
            {}},
    setting{"nats",
            "generation",
            [](config& c, value v) {
              return read(v, c.nats.generation, range{1, UINT32_MAX});
            },
            {},
            {}},
    setting{"nats", "beat", [](config& c, value v) { return read(v, c.nats.beat, 10ms, 1h); }, {}, {}},
    setting{"nats", "lease", [](config& c, value v) { return read(v, c.nats.lease, 10ms, 1h); }, {}, {}},
    setting{"nats", "timeout", [](config& c, value v) { return read(v, c.nats.timeout, 10ms, 1h); }, {}, {}},
    setting{"nats", "notify", [](config& c, value v) { return read_notices(v, c.nats); }, {}, {}},

    setting{"log",
            "sync",
            [](config& c, value v) {
              return read(v, c.log.sync, {{"full", sync_mode::full}, {"normal", sync_mode::normal}});
            },
            {},
            {}},
    setting{"log", "format",
            [](config& c, value v) {
              return read(v, c.log.format, {{"human", log_format::human}, {"json", log_format::json}});
            },
            "log-format", "human or json"},
    setting{"log", "level",
            [](config& c, value v) {
              using broker::log_level;
              return read(v, c.log.level,
                          {{"debug", log_level::debug},
                           {"info", log_level::info},
                           {"warn", log_level::warn},
                           {"error", log_level::error},
                           {"off", log_level::off}});
            },
            "log-level", "debug, info, warn, error or off"},

    setting{"auth", "hs256_key_file",
            [](config& c, value v) { return read_files(v, c.auth.hs256_key_files); }, "hs256-key-file",
            "file with the secret that signs tokens; several divided by commas"},
    setting{"auth",
            "public_key_file",
            [](config& c, value v) { return read(v, c.auth.public_key_file); },
            {},
            {}},
    setting{"auth", "jwks_file", [](config& c, value v) { return read(v, c.auth.jwks_file); }, {}, {}},
    setting{"auth", "jwks_url", [](config& c, value v) { return read(v, c.auth.jwks_url); }, {}, {}},
    setting{"auth", "issuer", [](config& c, value v) { return read(v, c.auth.issuer); }, {}, {}},
    setting{"auth", "audience", [](config& c, value v) { return read(v, c.auth.audience); }, {}, {}},
    setting{"auth", "anonymous", [](config& c, value v) { return read(v, c.auth.anonymous); }, {}, {}},
    setting{"auth", "origins", [](config& c, value v) { return read_origins(v, c.auth.origins); }, {}, {}},
    setting{
        "auth", "ticket_keys", [](config& c, value v) { return read_files(v, c.auth.ticket_keys); }, {}, {}},
    setting{"auth",
            "ticket_ttl",
            [](config& c, value v) { return read(v, c.auth.ticket_ttl, 1s, 24h * 30); },
            {},
            {}},
    setting{"auth",
            "revocation_ttl",
            [](config& c, value v) { return read(v, c.auth.revocation_ttl, 1min, 24h * 366); },
            {},
            {}},

    setting{"admin", "keys", [](config& c, value v) { return read_secrets(v, c.admin.keys, 16); }, {}, {}},

    setting{"drain", "pace", [](config& c, value v) { return read(v, c.drain.pace, positive); }, {}, {}},
    setting{"drain", "grace", [](config& c, value v) { return read(v, c.drain.grace, 0ms, 1h); }, {}, {}},
    setting{
        "drain", "deadline", [](config& c, value v) { return read(v, c.drain.deadline, 0ms, 24h); }, {}, {}},

    setting{"limits",
            "connections",
            [](config& c, value v) { return read(v, c.limits.connections, any); },
            {},
            {}},
    setting{"limits",
            "connections_per_ip",
            [](config& c, value v) { return read(v, c.limits.connections_per_ip, any); },
            {},
            {}},
    setting{"limits",
            "connections_per_user",
            [](config& c, value v) { return read(v, c.limits.connections_per_user, any); },
            {},
            {}},
    setting{"limits",
            "handshakes_at_once",
            [](config& c, value v) { return read(v, c.limits.handshakes_at_once, any); },
            {},
            {}},
    setting{"limits",
            "handshakes_per_second",
            [](config& c, value v) { return read(v, c.limits.handshakes_per_second, any); },
            {},
            {}},
    setting{"limits",
            "handshakes_per_second_per_ip",
            [](config& c, value v) { return read(v, c.limits.handshakes_per_second_per_ip, any); },
            {},
            {}},
    setting{"limits",
            "payload_bytes",
            [](config& c, value v) {
              return read(v, c.limits.payload_bytes, range{1, 16'777'216});
            },
            {},
            {}},
    setting{"limits", "rooms", [](config& c, value v) { return read(v, c.limits.rooms, positive); }, {}, {}},
    setting{"limits",
            "commands_in_flight",
            [](config& c, value v) {
              return read(v, c.limits.commands_in_flight, range{1, 65'536});
            },
            {},
            {}},
    setting{"limits",
            "commands_per_second",
            [](config& c, value v) { return read(v, c.limits.commands_per_second, any); },
            {},
            {}},
    setting{"limits",
            "control_bytes",
            [](config& c, value v) {
              return read(v, c.limits.control_bytes, range{1024, 1'073'741'824});
            },
            {},
            {}},
    setting{"limits",
            "backend_requests",
            [](config& c, value v) {
              return read(v, c.limits.backend_requests, range{1, 1'000'000});
            },
            {},
            {}},
    setting{"limits",
            "send_buffer_bytes",
            [](config& c, value v) {
              return read(v, c.limits.send_buffer_bytes, range{1, 1'073'741'824});
            },
            {},
            {}},
    setting{"limits",
            "tape_budget_bytes",
            [](config& c, value v) {
              return read(v, c.limits.tape_budget_bytes, range{0, std::numeric_limits<std::int64_t>::max()});
            },
            {},
            {}},
    setting{"limits",
            "authenticate_within",
            [](config& c, value v) { return read(v, c.limits.authenticate_within, 10ms, 1h); },
            {},
            {}},
    setting{"limits", "ping", [](config& c, value v) { return read(v, c.limits.ping, 10ms, 1h); }, {}, {}},
    setting{"limits",
            "pong_within",
            [](config& c, value v) { return read(v, c.limits.pong_within, 10ms, 1h); },
            {},
            {}},
    setting{"limits", "stall", [](config& c, value v) { return read(v, c.limits.stall, 10ms, 24h); }, {}, {}},
};

} // namespace

std::string setting::name() const { return std::string{section} + "." + std::string{key}; }

std::string setting::variable() const {
  // A flag's variable is named as the flag: --nats is nats.url and HUBBUB_NATS.
  std::string out = "HUBBUB_";
  if (!flag.empty())
    out += flag;
  else if (section == "server")
    out += key;
  else
    out.append(section).append("_").append(key);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  });
  return out;
}

std::span<const setting> settings() { return all_settings; }

const setting* find_setting(std::string_view section, std::string_view key) {
  auto it = std::ranges::find_if(all_settings,
                                 [&](const setting& s) { return s.section == section && s.key == key; });
  return it == all_settings.end() ? nullptr : &*it;
}

} // namespace hubbub::daemon
