#include "transport/http_text.hpp"

#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <charconv>

namespace hubbub::transport {

namespace {

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += '"';
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

bool is_header_text(std::string_view text) noexcept {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

} // namespace

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned char byte = 0;
    const auto* digits = text.data() + i + 1;
    if (i + 2 >= text.size() || std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2)
      return std::nullopt;
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

unsigned status_of(broker::errc code) noexcept {
  using broker::errc;
  switch (code) {
  case errc::unauthorized:
  case errc::expired:
    return 401;
  case errc::forbidden:
    return 403;
  case errc::rate_limited:
  case errc::too_many_rooms:
  case errc::too_many_connections:
    return 429;
  case errc::overloaded:
  case errc::unavailable:
    return 503;
  case errc::timeout:
    return 504;
  case errc::too_large:
    return 413;
  case errc::no_such_method:
    return 404;
  case errc::not_supported:
    return 501;
  case errc::internal:
  case errc::gone:
    return 500;
  default:
    return 400;
  }
}

std::uint32_t retry_after(unsigned status, std::uint32_t told) noexcept {
  return told == 0 && (status == 429 || status == 503) ? 1000 : told;
}

broker::http_response error_response(unsigned status, std::string_view code, std::string_view message,
                                     std::uint32_t retry_after_ms) {
  broker::http_response response;
  response.status = status;
  response.body = "{\"code\":";
  append_json_string(response.body, code);
  response.body += ",\"message\":";
  append_json_string(response.body, message);
  if (const auto wait = retry_after(status, retry_after_ms); wait != 0) {
    // The header knows whole seconds only, and clients that are to come at different times would come
    // together.
    response.body += ",\"retry_after_ms\":" + std::to_string(wait);
    response.headers.emplace_back("Retry-After", std::to_string((wait + 999) / 1000));
  }
  response.body += "}\n";
  if (status == 401)
    response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

broker::http_response error_response(const broker::refusal& why) {
  return error_response(status_of(why.code), broker::name(why.code), why.message, why.retry_after_ms);
}

std::string answer_text(const broker::http_response& response, answer_style how) {
  namespace http = boost::beast::http;
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + ' ';
  out += std::string_view{http::obsolete_reason(http::int_to_status(response.status))};
  out += "\r\n";
  auto header = [&](std::string_view name, std::string_view value) {
    if (!is_header_text(name) || !is_header_text(value))
      return;
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
  };
  const bool bodiless = response.status == 204 || response.status == 304;
  if (!bodiless) {
    if (!response.content_type.empty())
      header("Content-Type", response.content_type);
    header("Content-Length", std::to_string(response.body.size()));
  }
  for (const auto& [name, value] : response.headers)
    header(name, value);
  if (!how.keep_alive)
    header("Connection", "close");
  out += "\r\n";
  if (!how.head && !bodiless)
    out += response.body;
  return out;
}

} // namespace hubbub::transport
