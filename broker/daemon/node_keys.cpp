// What tokens are checked with and tickets are sealed with, and reading it again.
#include "broker/daemon/node.hpp"

#include "broker/daemon/jwt.hpp"
#include "broker/daemon/ticket_key.hpp"

#include <string>
#include <utility>
#include <vector>

namespace hubbub::daemon {
namespace {

template <class Key>
broker::result<std::vector<Key>> read_keys(const std::vector<std::string>& files) {
  std::vector<Key> keys;
  for (const auto& file : files) {
    auto key = Key::from_file(file);
    if (!key)
      return key.error();
    keys.push_back(std::move(*key));
  }
  return keys;
}

} // namespace

broker::refusal node::open_tokens() {
  if (how_.auth.hs256_key_files.empty())
    return {broker::errc::ok};
  auto keys = read_keys<signing_key>(how_.auth.hs256_key_files);
  if (!keys)
    return keys.error();
  tokens_ = std::make_unique<jwt_authenticator>(std::move(*keys),
                                                token_rules{how_.auth.issuer, how_.auth.audience}, time_);
  return {broker::errc::ok};
}

broker::result<std::vector<ticket_key>> node::read_ticket_keys() const {
  return read_keys<ticket_key>(how_.auth.ticket_keys);
}

broker::refusal node::open_tickets() {
  auto read = read_ticket_keys();
  if (!read)
    return read.error();
  auto& keys = *read;
  if (keys.empty()) {
    // What only this node could open is of no use where there are others.
    if (!how_.nats.url.empty())
      return {broker::errc::ok};
    auto key = ticket_key::random();
    if (!key)
      return key.error();
    keys.push_back(std::move(*key));
  }
  tickets_ = std::make_unique<sealed_tickets>(std::move(keys), how_.auth.ticket_ttl, time_);
  return {broker::errc::ok};
}

broker::result<void> node::reload() {
  if (!tls_ && how_.auth.ticket_keys.empty()) {
    broker::refusal none{
        broker::errc::not_supported,
        "there is nothing to read again: neither a certificate nor ticket keys are configured"};
    log_.warn("node", none.message);
    return none;
  }
  broker::result<void> all;
  if (tls_) {
    if (auto done = tls_->reload(); !done) {
      log_.error("tls", done.error().message);
      all = done;
    } else {
      log_.info("tls", "certificate and key were read again");
    }
  }
  if (!how_.auth.ticket_keys.empty())
    if (auto done = reload_tickets(); !done)
      all = done;
  return all;
}

broker::result<void> node::reload_tickets() {
  auto keys = read_ticket_keys();
  if (!keys) {
    log_.error("tickets", keys.error().message);
    return keys.error();
  }
  const auto many = keys->size();
  tickets_->change_keys(std::move(*keys));
  log_.info("tickets", "ticket keys were read again", {{"keys", static_cast<std::uint64_t>(many)}});
  return {};
}

} // namespace hubbub::daemon
