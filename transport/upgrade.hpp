#pragma once

#include "broker/connection.hpp"
#include "broker/http.hpp"
#include "transport/http_message.hpp"

#include <string>
#include <string_view>

/// The WebSocket handshake (RFC 6455 section 4.2) as a server sees it.
namespace hubbub::transport {

/// Does the request ask for a WebSocket at all?
[[nodiscard]] bool asks_for_websocket(const request_message& request);

/// Why a request for a WebSocket cannot be one, as an HTTP answer: 400, 405 or 426. Status 0: it can.
[[nodiscard]] broker::http_response upgrade_fault(const request_message& request);

/// What the client showed.
[[nodiscard]] broker::handshake read_handshake(const request_message& request, std::string remote_address,
                                               bool tls);

/// Does the client offer permessage-deflate in a way that needs no memory between messages?
[[nodiscard]] bool offers_deflate(const request_message& request);

/// The whole 101. `subprotocol` may be empty.
[[nodiscard]] std::string upgrade_response(const request_message& request, std::string_view subprotocol,
                                           bool deflate);

} // namespace hubbub::transport
