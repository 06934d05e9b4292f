#include "broker/daemon/config_draft.hpp"
#include "broker/daemon/nats_servers.hpp"

#include <algorithm>

namespace hubbub::daemon {
namespace {

using broker::overflow;
using broker::policy;
using broker::right;
using broker::room_kind;

constexpr right every_right = right::join | right::publish | right::history | right::presence | right::call;

bool fits(const policy& p) {
  if (p.kind == room_kind::live)
    return p.when_overtaken != overflow::catch_up;
  return p.when_overtaken == overflow::catch_up || p.when_overtaken == overflow::disconnect;
}

/// A policy's overflow must be one that its kind knows. One that was only inherited gives way to the
/// kind's own default, so that `kind = "live"` alone is enough.
void settle_overflow(config_draft& draft, const std::string& space, policy& p) {
  if (fits(p))
    return;
  const bool live = p.kind == room_kind::live;
  const auto key = "namespace." + space + ".overflow";
  if (!draft.given(key)) {
    p.when_overtaken = live ? overflow::drop_oldest : overflow::catch_up;
    return;
  }
  draft.complain(
      key, live ? "live rooms know \"drop_oldest\", \"drop_newest\", \"conflate\" and \"disconnect\""
                : "retained rooms know \"catch_up\" and \"disconnect\"; for the others set kind = \"live\"");
}

void check_times(config_draft& draft) {
  const auto& l = draft.value.limits;
  if (draft.given("limits.pong_within") && l.pong_within >= l.stall && draft.given("limits.stall"))
    draft.complain("limits.pong_within", "must be shorter than limits.stall");
  const auto& n = draft.value.nats;
  if ((draft.given("nats.lease") || draft.given("nats.beat")) && n.lease < 2 * n.beat)
    draft.complain("nats.lease", "must be at least twice nats.beat");
  const auto& d = draft.value.drain;
  if (d.grace >= d.deadline && draft.given("drain.deadline"))
    draft.complain("drain.deadline", "must be longer than drain.grace, which is a part of it");
  else if (d.grace >= d.deadline)
    draft.complain("drain.grace", "must be shorter than drain.deadline, of which it is a part");
  else if (d.deadline - d.grace <= drain_config::last_answers)
    draft.value.warnings.emplace_back(
        "[drain] leaves no time for pace: of deadline, grace is gone first and 3 s are for the last answers, "
        "so everybody is sent away at once");
}

/// Backends are reached over NATS and by no other way.
void check_backend(config_draft& draft) {
  const auto check = [&](const std::string& space, const policy& p) {
    const auto key = "namespace." + space + ".publish";
    if (p.publish == broker::publish_mode::via_backend && draft.given(key))
      draft.complain(key, "\"via_backend\" needs nats.url: backends are reached over NATS");
  };
  check("default", draft.fallback);
  for (const auto& [name, p] : draft.policies)
    check(name, p);
  const auto& n = draft.value.nats;
  if (draft.given("nats.notify") && (n.notify_audit || n.notify != decltype(n.notify){}))
    draft.complain("nats.notify", "needs nats.url: notices go to backends over NATS");
}

void check_tickets(config_draft& draft) {
  auto& c = draft.value;
  if (c.auth.revocation_ttl < c.auth.ticket_ttl)
    draft.complain("auth.revocation_ttl", "must not be shorter than auth.ticket_ttl: a revoked ticket would "
                                          "count again");
  if (!c.nats.url.empty() && c.auth.ticket_keys.empty())
    c.warnings.emplace_back("auth.ticket_keys is empty: clients get no tickets, and whoever comes back to "
                            "another node shows its token and joins its rooms one by one");
}

void check_nats(config_draft& draft) {
  auto& c = draft.value;
  if (c.nats.url.empty())
    return check_backend(draft);
  if (!nats_servers(c.nats.url))
    draft.complain("nats.url", "expected nats://host:port, or several of them divided by commas");
  if (!c.server.data_dir.empty())
    draft.complain("server.data_dir", "is of no use with nats.url: the streams keep the events");
}

void check_nats_pair(config_draft& draft) {
  const auto& n = draft.value.nats;
  if (n.tls_cert.empty() != n.tls_key.empty())
    draft.complain(n.tls_key.empty() ? "nats.tls_cert" : "nats.tls_key",
                   "nats.tls_cert and nats.tls_key come together");
}

void check_doors(config_draft& draft) {
  const auto& c = draft.value;
  if (!c.auth.has_key() && !c.auth.anonymous)
    draft.wrong.emplace_back(
        c.server.dev
            ? "nobody could connect: auth.anonymous is false and there is no key; set auth.hs256_key_file"
            : "there is no key to verify tokens with: set auth.hs256_key_file (or HUBBUB_HS256_KEY_FILE), "
              "set "
              "auth.anonymous = true to let everybody in without one, or use --dev to try it on this "
              "machine");
  if (c.tls.certificate.empty() != c.tls.key.empty())
    draft.complain(c.tls.key.empty() ? "tls.certificate" : "tls.key",
                   "tls.certificate and tls.key come together");
  if (c.server.listen == c.server.admin && c.server.listen.port != 0)
    draft.complain("server.admin", "is the same address as server.listen");
}

void check_dev_listeners(config_draft& draft) {
  const auto check = [&draft](std::string_view key, const endpoint& at) {
    if (!at.loopback() && !draft.complained(key))
      draft.complain(key, "dev mode answers on loopback only: use 127.0.0.1:" + std::to_string(at.port) +
                              " or leave dev mode");
  };
  check("server.listen", draft.value.server.listen);
  check("server.admin", draft.value.server.admin);
}

/// JetStream remembers no id for longer than events.
void warn_of_dedup(config_draft& draft) {
  for (const auto& [name, p] : draft.policies)
    if (p.kind == room_kind::retained && p.history_age < p.dedup_window)
      draft.value.warnings.emplace_back("namespace." + name +
                                        ".dedup_window is longer than its history_age: on NATS an event_id "
                                        "is remembered for history_age only");
}

void warn(config_draft& draft) {
  auto& c = draft.value;
  if (!c.server.dev && c.admin.keys.empty())
    c.warnings.emplace_back(
        "admin.keys is empty: the admin listener answers only what needs no key (/healthz, /readyz)");
  if (!c.server.dev && c.auth.anonymous && !c.auth.has_key())
    c.warnings.emplace_back(
        "auth.anonymous is true and there is no key: everybody may connect, and may do what "
        "their room's `anyone` says");
  if (!c.nats.url.empty())
    warn_of_dedup(draft);
}

} // namespace

void apply_dev_mode(config_draft& draft) {
  auto& c = draft.value;
  if (!c.server.dev)
    return;
  c.admin.open = true;
  if (!draft.given("server.listen"))
    c.server.listen.address = "127.0.0.1";
  if (!draft.given("auth.anonymous"))
    c.auth.anonymous = true;
  if (!draft.given("limits.commands_per_second"))
    c.limits.commands_per_second = 0;
  if (!draft.given("namespace.default.anyone")) {
    draft.fallback.anyone = every_right;
    for (auto& [name, p] : draft.policies)
      if (!draft.given("namespace." + name + ".anyone"))
        p.anyone = every_right;
  }
  if (!draft.policies.contains("live"))
    draft.policies.emplace("live", draft.fallback).first->second.kind = room_kind::live;
  // On NATS a namespace is a stream and must be declared; the page wants this one.
  if (!c.nats.url.empty())
    draft.policies.emplace("chat", draft.fallback);
}

void check_together(config_draft& draft) {
  settle_overflow(draft, "default", draft.fallback);
  for (auto& [name, p] : draft.policies)
    settle_overflow(draft, name, p);
  check_times(draft);
  check_nats(draft);
  check_nats_pair(draft);
  check_tickets(draft);
  check_doors(draft);
  if (draft.value.server.dev)
    check_dev_listeners(draft);
  warn(draft);
}

} // namespace hubbub::daemon
