#pragma once

#include "broker/http.hpp"

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <string>

/// What is read off a request that Beast has parsed.
namespace hubbub::transport {

using request_message = boost::beast::http::request<boost::beast::http::string_body>;

/// Does nobody know where it ends (RFC 9112 section 6.3)? Beast passes over it, and would take the body for
/// the next request. `chunked`: as its parser has understood it.
[[nodiscard]] bool is_of_unknown_length(const request_message& request, bool chunked);

/// As handlers have it.
[[nodiscard]] broker::http_request read_request(request_message&& message, std::string remote_address);

} // namespace hubbub::transport
