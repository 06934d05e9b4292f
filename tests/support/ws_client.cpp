#include "tests/support/ws_client.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>
#include <utility>

namespace hubbub::tests {

namespace {

using std::chrono::steady_clock;

milliseconds left(steady_clock::time_point until) {
  return std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(until - steady_clock::now()));
}

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
         });
}

/// A message without context takeover.
std::string inflated(std::string payload) {
  payload.append("\x00\x00\xff\xff", 4);
  z_stream z{};
  if (inflateInit2(&z, -15) != Z_OK)
    return {};
  z.next_in = reinterpret_cast<Bytef*>(payload.data());
  z.avail_in = static_cast<uInt>(payload.size());
  std::string out;
  std::array<char, 16'384> some;
  do {
    z.next_out = reinterpret_cast<Bytef*>(some.data());
    z.avail_out = some.size();
    const auto result = inflate(&z, Z_SYNC_FLUSH);
    out.append(some.data(), some.size() - z.avail_out);
    if (result != Z_OK)
      break;
  } while (z.avail_out == 0);
  inflateEnd(&z);
  return out;
}

} // namespace

std::string header_of(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const auto end = std::min(head.find("\r\n"), head.size());
    const auto line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    const auto colon = line.find(':');
    if (colon == line.npos || !same_name(line.substr(0, colon), name))
      continue;
    auto value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ')
      value.remove_prefix(1);
    return std::string{value};
  }
  return {};
}

int ws_frame::close_code() const {
  if (payload.size() < 2)
    return 1005;
  return static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]);
}

std::string ws_frame::close_reason() const { return payload.size() > 2 ? payload.substr(2) : std::string{}; }

ws_client::ws_client(const std::string& host, std::uint16_t port, ws_options options)
    : socket_{host, port, options.tls, options.receive_buffer} {
  std::string request = "GET " + options.path + " HTTP/1.1\r\nHost: " + host + ':' + std::to_string(port) +
                        "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  for (const auto& line : options.headers)
    request += line + "\r\n";
  socket_.send_raw(request + "\r\n", options.within);
  auto answer = socket_.receive_until("\r\n\r\n", options.within);
  if (!answer)
    throw std::runtime_error{"the handshake was not answered"};
  response_ = std::move(*answer);
  const auto first = response_.substr(0, response_.find("\r\n"));
  if (first.find(" 101 ") == first.npos)
    throw std::runtime_error{first};
  // RFC 6455 section 1.3: what answers the key above.
  if (header("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    throw std::runtime_error{"the handshake's answer is wrong"};
}

std::string ws_client::header(std::string_view name) const { return header_of(response_, name); }

std::string ws_client::frame(int opcode, std::string_view payload, bool fin, bool rsv1, bool masked) {
  static constexpr std::array<unsigned char, 4> mask{0x37, 0xfa, 0x21, 0x3d};
  std::string out;
  out += static_cast<char>((fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode);
  const int bit = masked ? 0x80 : 0;
  const auto size = payload.size();
  if (size < 126) {
    out += static_cast<char>(bit | static_cast<int>(size));
  } else {
    const int bytes = size < 65'536 ? 2 : 8;
    out += static_cast<char>(bit | (bytes == 2 ? 126 : 127));
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
      out += static_cast<char>(static_cast<std::uint64_t>(size) >> shift & 0xff);
  }
  if (!masked)
    return out.append(payload);
  for (auto m : mask)
    out += static_cast<char>(m);
  for (std::size_t i = 0; i < size; ++i)
    out += static_cast<char>(static_cast<unsigned char>(payload[i]) ^ mask[i % 4]);
  return out;
}

bool ws_client::send_close(int code, std::string_view reason) {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  return send_raw(frame(8, payload.append(reason)));
}

std::optional<ws_frame> ws_client::read_frame(milliseconds within) {
  const auto until = steady_clock::now() + within;
  auto head = socket_.receive_exactly(2, within);
  if (!head)
    return std::nullopt;
  const auto first = static_cast<unsigned char>((*head)[0]), second = static_cast<unsigned char>((*head)[1]);
  std::uint64_t size = second & 0x7f;
  if (size >= 126) {
    auto more = socket_.receive_exactly(size == 126 ? 2 : 8, left(until));
    if (!more)
      return std::nullopt;
    size = 0;
    for (char c : *more)
      size = size << 8 | static_cast<unsigned char>(c);
  }
  if (second & 0x80)
    throw std::runtime_error{"a server's frame is masked"};
  if (size > 1u << 30)
    throw std::runtime_error{"a frame's length makes no sense"};
  auto payload = socket_.receive_exactly(size, left(until));
  if (!payload)
    return std::nullopt;
  return ws_frame{(first & 0x80) != 0, (first & 0x40) != 0, first & 0x0f, std::move(*payload)};
}

std::optional<std::string> ws_client::read_message(milliseconds within) {
  const auto until = steady_clock::now() + within;
  std::string message;
  bool compressed = false;
  while (true) {
    auto f = read_frame(left(until));
    if (!f)
      return std::nullopt;
    if (f->opcode == 9)
      send_raw(frame(10, f->payload));
    if (f->opcode == 8) {
      closed_ = std::move(f);
      return std::nullopt;
    }
    if (f->opcode > 2)
      continue;
    compressed |= f->rsv1;
    message += f->payload;
    if (f->fin)
      return compressed ? inflated(std::move(message)) : message;
  }
}

std::optional<ws_frame> ws_client::wait_for_close(milliseconds within) {
  const auto until = steady_clock::now() + within;
  while (!closed_ && read_message(left(until))) {
  }
  if (closed_)
    send_raw(frame(8, closed_->payload.substr(0, 2)), milliseconds{100});
  return closed_;
}

bool ws_client::close(int code, milliseconds within) {
  if (!send_close(code))
    return false;
  const auto until = steady_clock::now() + within;
  while (!closed_ && read_message(left(until))) {
  }
  return closed_ && socket_.wait_for_end(left(until));
}

std::string http_answer::header(std::string_view name) const { return header_of(head, name); }

http_answer read_http(raw_client& from, milliseconds within, bool head) {
  const auto until = steady_clock::now() + within;
  http_answer answer;
  auto text = from.receive_until("\r\n\r\n", within);
  if (!text || text->size() < 12)
    return answer;
  answer.head = std::move(*text);
  answer.status = std::atoi(answer.head.c_str() + 9);
  const auto length = answer.header("Content-Length");
  if (!head && !length.empty())
    answer.body = from.receive_exactly(std::stoul(length), left(until)).value_or("");
  return answer;
}

http_answer http_request(std::uint16_t port, std::string_view method, std::string_view target,
                         const std::vector<std::string>& headers, std::string_view body, bool tls) {
  raw_client client{"127.0.0.1", port, tls};
  std::string request{method};
  request.append(" ").append(target).append(" HTTP/1.1\r\nHost: 127.0.0.1:") += std::to_string(port) + "\r\n";
  for (const auto& line : headers)
    request += line + "\r\n";
  if (!body.empty())
    request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  client.send_raw(request += "\r\n" + std::string{body});
  return read_http(client, milliseconds{5000}, method == "HEAD");
}

} // namespace hubbub::tests
