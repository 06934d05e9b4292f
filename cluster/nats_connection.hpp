#pragma once

#include "broker/errc.hpp"
#include "cluster/nats_message.hpp"
#include "cluster/nats_options.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// As nats/nats.h has them; only nats_connection.cpp includes it.
// NOLINTBEGIN(bugprone-reserved-identifier,modernize-use-using): the library's names.
struct __natsConnection;
struct __natsMsg;
struct __natsSubscription;
typedef struct __natsConnection natsConnection;
typedef struct __natsMsg natsMsg;
typedef struct __natsSubscription natsSubscription;
// NOLINTEND(bugprone-reserved-identifier,modernize-use-using)

namespace hubbub::cluster {

/// What of the client library is used, with its handles owned. `nats_link` says who may call what.

struct nats_deleter {
  void operator()(natsConnection* c) const noexcept;
  void operator()(natsMsg* m) const noexcept;
};
using nats_conn_ptr = std::unique_ptr<natsConnection, nats_deleter>;
using nats_msg_ptr = std::unique_ptr<natsMsg, nats_deleter>;

/// Called by the library with `context`, one after another, on a thread of its own; nothing after `closed`.
struct nats_callbacks {
  void* context = nullptr;
  void (*lost)(void*) = nullptr;
  void (*back)(void*) = nullptr;
  void (*closed)(void*) = nullptr;
  void (*dropped)(void*) = nullptr;
  void (*lame_duck)(void*) = nullptr;
};

/// Waits for the network. `on` is copied, and kept until `closed` was called.
[[nodiscard]] broker::result<nats_conn_ptr> connect_nats(const nats_options& options,
                                                         const nats_callbacks& on);
/// The servers of the options, and those that the connection's server has told of.
[[nodiscard]] std::vector<std::string> servers_around(natsConnection* c,
                                                      const std::vector<std::string>& named);
/// It is connected, and not about to be again.
[[nodiscard]] bool is_up(natsConnection* c) noexcept;
/// It has ended for good.
[[nodiscard]] bool is_closed(natsConnection* c) noexcept;
/// Ends it; `closed` is called soon, then or before.
void close_nats(natsConnection* c) noexcept;
/// Ends it in order, as NATS calls draining: no more is asked for, what has come is handled, what was given
/// to it to send has left. `closed` is called then, or after `within`. False: there is no connection to do so
/// with.
[[nodiscard]] bool drain_nats(natsConnection* c, std::chrono::milliseconds within) noexcept;
/// The server's URL without a user's name and password. May wait for as long as the library tries to connect
/// to a server, as all may that look at a connection.
[[nodiscard]] std::string server_of(natsConnection* c);
/// The most bytes that its server takes in a message, headers included; 0: there is no connection.
[[nodiscard]] std::uint64_t max_payload_of(natsConnection* c) noexcept;

/// Null: there was something in it that NATS has no form for.
[[nodiscard]] nats_msg_ptr make_message(const std::string& subject, const std::string& reply,
                                        const std::vector<std::pair<const char*, std::string>>& headers,
                                        std::string_view data);
enum class send_result : std::uint8_t {
  sent,
  /// Nothing of it left, or ever will.
  not_sent,
  /// Neither, as its server takes no message of that size.
  too_large,
  /// The connection broke in the middle of it.
  unknown,
};
[[nodiscard]] send_result publish_nats(natsConnection* c, natsMsg* m) noexcept;
[[nodiscard]] nats_message view_of(natsMsg* m) noexcept;

/// `queue`: null, or the group of which one gets each message. `complete` is called after the last `message`,
/// if this does not return null.
[[nodiscard]] natsSubscription* subscribe_nats(natsConnection* c, const char* subject, const char* queue,
                                               void (*message)(natsConnection*, natsSubscription*, natsMsg*,
                                                               void*),
                                               void (*complete)(void*), void* context) noexcept;
void limit_pending(natsSubscription* s, int messages, int bytes) noexcept;
void end_subscription(natsSubscription* s) noexcept;
void destroy_subscription(natsSubscription* s) noexcept;

} // namespace hubbub::cluster
