#include "transport/upgrade.hpp"

#include "transport/http_text.hpp"

#include <boost/beast/http/field.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/verb.hpp>

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <utility>

namespace hubbub::transport {

namespace {

namespace http = boost::beast::http;
using boost::beast::iequals;

std::string_view view(boost::beast::string_view text) noexcept { return {text.data(), text.size()}; }

bool has_token(const request_message& request, http::field name, std::string_view token) {
  for (auto [at, end] = request.equal_range(name); at != end; ++at)
    if (http::token_list{at->value()}.exists(token))
      return true;
  return false;
}

/// 16 bytes in base64 (RFC 6455 section 4.2.1).
bool is_key(std::string_view key) noexcept {
  if (key.size() != 24 || key.substr(22) != "==")
    return false;
  for (char c : key.substr(0, 22))
    if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '+' && c != '/')
      return false;
  return true;
}

std::string accept_of(std::string_view key) {
  std::string text{key};
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  std::array<unsigned char, 64> encoded;
  const auto n = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
  return {reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(n)};
}

/// Takes the text up to `separator` off `rest`, without the blanks around it.
std::string_view take_until(std::string_view& rest, char separator) noexcept {
  const auto end = std::min(rest.find(separator), rest.size());
  auto one = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  while (!one.empty() && (one.front() == ' ' || one.front() == '\t'))
    one.remove_prefix(1);
  while (!one.empty() && (one.back() == ' ' || one.back() == '\t'))
    one.remove_suffix(1);
  return one;
}

/// The value of `name` among `name=value` items; empty when it is not there.
std::string_view item(std::string_view items, char separator, std::string_view name) noexcept {
  while (!items.empty()) {
    auto one = take_until(items, separator);
    if (one.find('=') == one.npos || take_until(one, '=') != name)
      continue;
    if (one.size() >= 2 && one.front() == '"' && one.back() == '"')
      one = one.substr(1, one.size() - 2);
    return one;
  }
  return {};
}

/// Is it an offer of permessage-deflate whose parameters are such that we accept it?
bool acceptable(std::string_view offer) {
  if (!iequals(take_until(offer, ';'), "permessage-deflate"))
    return false;
  while (!offer.empty()) {
    auto value = take_until(offer, ';');
    const auto name = take_until(value, '=');
    if (iequals(name, "server_max_window_bits")) {
      // An event is compressed once for all, with the full window.
      if (value != "15" && value != "\"15\"")
        return false;
    } else if (!iequals(name, "client_max_window_bits") && !iequals(name, "server_no_context_takeover") &&
               !iequals(name, "client_no_context_takeover")) {
      return false;
    }
  }
  return true;
}

} // namespace

bool asks_for_websocket(const request_message& request) {
  return has_token(request, http::field::upgrade, "websocket") ||
         request.count(http::field::sec_websocket_key);
}

broker::http_response upgrade_fault(const request_message& request) {
  if (request.method() != http::verb::get) {
    auto response = error_response(405, "bad_command", "a WebSocket is opened with GET");
    response.headers.emplace_back("Allow", "GET");
    return response;
  }
  if (!has_token(request, http::field::upgrade, "websocket") ||
      !has_token(request, http::field::connection, "upgrade")) {
    auto response = error_response(426, "bad_command", "this address speaks WebSocket: ask for an upgrade");
    response.headers.emplace_back("Upgrade", "websocket");
    response.headers.emplace_back("Connection", "Upgrade");
    return response;
  }
  if (request.version() < 11)
    return error_response(400, "bad_command", "a WebSocket needs HTTP/1.1");
  if (request[http::field::sec_websocket_version] != "13") {
    auto response = error_response(426, "bad_command", "only version 13 of WebSocket is spoken here");
    response.headers.emplace_back("Sec-WebSocket-Version", "13");
    return response;
  }
  if (!is_key(view(request[http::field::sec_websocket_key])))
    return error_response(400, "bad_command", "Sec-WebSocket-Key is missing or is not 16 bytes in base64");
  broker::http_response none;
  none.status = 0;
  return none;
}

broker::handshake read_handshake(const request_message& request, std::string remote_address, bool tls) {
  broker::handshake shown;
  shown.remote_address = std::move(remote_address);
  shown.tls = tls;
  shown.target = request.target();
  shown.host = request[http::field::host];
  shown.origin = request[http::field::origin];
  auto authorization = view(request[http::field::authorization]);
  if (authorization.size() > 7 && iequals(authorization.substr(0, 7), "bearer "))
    shown.bearer = authorization.substr(7);
  if (auto query = std::string_view{shown.target}.find('?'); query != std::string_view::npos) {
    // What is encoded wrongly is a token all the same, one that does not verify.
    const auto written = item(std::string_view{shown.target}.substr(query + 1), '&', "token");
    shown.query_token = percent_decode(written).value_or(std::string{written});
  }
  for (auto [at, end] = request.equal_range(http::field::cookie); at != end && shown.cookie_token.empty();
       ++at)
    shown.cookie_token = item(view(at->value()), ';', "hubbub_token");
  for (auto [at, end] = request.equal_range(http::field::sec_websocket_protocol); at != end; ++at)
    for (auto token : http::token_list{at->value()})
      shown.subprotocols.emplace_back(token);
  return shown;
}

bool offers_deflate(const request_message& request) {
  // Not by http::ext_list: in Boost 1.81 an extension without parameters inherits those of the one before.
  for (auto [at, end] = request.equal_range(http::field::sec_websocket_extensions); at != end; ++at)
    for (auto offers = view(at->value()); !offers.empty();)
      if (acceptable(take_until(offers, ',')))
        return true;
  return false;
}

std::string upgrade_response(const request_message& request, std::string_view subprotocol, bool deflate) {
  std::string out = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Accept: " +
                    accept_of(view(request[http::field::sec_websocket_key])) + "\r\n";
  if (!subprotocol.empty()) {
    out += "Sec-WebSocket-Protocol: ";
    out += subprotocol;
    out += "\r\n";
  }
  // Nothing is kept between messages, on either side (RFC 7692 section 7.1.1).
  if (deflate)
    out += "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
           "client_no_context_takeover\r\n";
  return out + "\r\n";
}

} // namespace hubbub::transport
