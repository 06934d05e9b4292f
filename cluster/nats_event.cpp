#include "cluster/nats_event.hpp"

#include "broker/json_text.hpp"
#include "broker/protocol.hpp"
#include "cluster/base64.hpp"
#include "cluster/epoch.hpp"

#include <openssl/sha.h>

#include <array>
#include <charconv>
#include <functional>

namespace hubbub::cluster {
namespace {

namespace json = broker::protocol;

constexpr char from_header[] = "Hubbub-From";
constexpr char id_header[] = "Hubbub-Id";
constexpr char type_header[] = "Hubbub-Type";
constexpr char key_header[] = "Hubbub-Key";
constexpr char time_header[] = "Hubbub-Time";
constexpr char except_header[] = "Hubbub-Except";
constexpr char encoding_header[] = "Hubbub-Encoding";
constexpr char dedup_header[] = "Nats-Msg-Id";

// A user's name comes from a token, which the provider of tokens made as it liked.
constexpr std::size_t most_from = 512;
// JSON's readers take no larger number for what it is (RFC 8259 section 6).
constexpr std::int64_t most_exact = (std::int64_t{1} << 53) - 1;

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

std::string unescaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

/// All nodes must agree on it, so it has no key: a hash for which nobody can find a second text.
std::string message_id(const broker::event& e) {
  // Lengths first, so that no two different triples make the same text.
  auto text = std::to_string(e.room.str().size()) + ',' + std::to_string(e.from.size()) +
              (e.from_backend ? '!' : ':');
  text.append(e.room.str()).append(e.from).append(e.event_id);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data());
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (std::size_t i = 0; i < 16; ++i)
    hex.append(1, digits[hash[i] >> 4]).append(1, digits[hash[i] & 15]);
  return hex;
}

/// Puts the first value of `name` into `to` if it is a label.
void take_label(std::string_view value, std::string& to, event_flaws& flaws) {
  if (value.empty())
    return;
  auto text = unescaped(value);
  if (json::is_label(text))
    to = std::move(text);
  else
    flaws.headers = true;
}

void take_from(std::string_view value, std::string& to, event_flaws& flaws) {
  if (value.empty())
    return;
  auto text = unescaped(value);
  if (text.size() <= most_from && is_utf8(text))
    to = std::move(text);
  else
    flaws.headers = true;
}

void take_time(std::string_view value, std::int64_t& to, event_flaws& flaws) {
  if (value.empty())
    return;
  std::int64_t ms = 0;
  const auto [stop, wrong] = std::from_chars(value.data(), value.data() + value.size(), ms);
  if (wrong == std::errc{} && stop == value.data() + value.size() && ms > 0 && ms <= most_exact)
    to = ms;
  else
    flaws.headers = true;
}

void take_data(std::string_view data, std::string_view encoding, broker::event& to, event_flaws& flaws) {
  if (encoding == "base64" && is_base64(data)) {
    to.encoding = broker::data_encoding::base64;
    to.data = data;
    return;
  }
  if (!json::is_json(data)) {
    flaws.not_json = true;
    to.encoding = broker::data_encoding::base64;
    to.data = to_base64(data);
    return;
  }
  // An event is one line: some of the forms in which clients get it end at a line break.
  if (data.find('\n') != data.npos || data.find('\r') != data.npos)
    to.data = json::without_white_space(data);
  else
    to.data = data;
}

} // namespace

std::string header_text(std::string_view text) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto at_end = c == ' ' && (i == 0 || i + 1 == text.size());
    if (c < ' ' || c == 127 || c == '%' || at_end)
      out.append(1, '%').append(1, hex[c >> 4]).append(1, hex[c & 15]);
    else
      out.push_back(text[i]);
  }
  return out;
}

bool is_utf8(std::string_view text) {
  // As JSON's strings have it.
  std::string quoted{'"'};
  for (const auto c : text)
    quoted.push_back(c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ' ? '.' : c);
  return json::is_json(quoted.append(1, '"'));
}

nats_link::headers headers_of(const broker::event& e, bool dedup) {
  nats_link::headers h;
  h.reserve(8);
  h.emplace_back(id_header, header_text(e.event_id));
  h.emplace_back(time_header, std::to_string(e.time_ms));
  if (e.type != "message")
    h.emplace_back(type_header, header_text(e.type));
  if (!e.from.empty())
    h.emplace_back(from_header, header_text(e.from));
  if (!e.key.empty())
    h.emplace_back(key_header, header_text(e.key));
  if (e.excluded)
    h.emplace_back(except_header, e.excluded.str());
  if (e.encoding == broker::data_encoding::base64)
    h.emplace_back(encoding_header, "base64");
  if (dedup)
    h.emplace_back(dedup_header, message_id(e));
  return h;
}

std::shared_ptr<broker::stored_event> event_of(const broker::room_name& room, const header_lines& headers,
                                               std::string_view data, const log_place& at,
                                               const std::string& epoch, event_flaws& flaws) {
  auto e = std::make_shared<broker::stored_event>();
  e->room = room;
  e->offset = at.offset;
  e->previous = at.previous;
  e->kept_ms = e->time_ms = at.time_ms;
  std::string_view encoding;
  headers.each([&](std::string_view name, std::string_view value) {
    if (name == id_header)
      take_label(value, e->event_id, flaws);
    else if (name == time_header)
      take_time(value, e->time_ms, flaws);
    else if (name == type_header)
      take_label(value, e->type, flaws);
    else if (name == from_header)
      take_from(value, e->from, flaws);
    else if (name == key_header)
      take_label(value, e->key, flaws);
    else if (name == except_header)
      e->excluded = broker::session_id::parse(value);
    else if (name == encoding_header)
      encoding = value;
  });
  take_data(data, encoding, *e, flaws);
  if (e->event_id.empty())
    e->event_id = default_event_id(epoch, e->offset);
  return e;
}

std::uint64_t fingerprint_of(const header_lines& headers, std::string_view data) noexcept {
  const std::hash<std::string_view> hash;
  // The factor, odd and without a pattern, keeps an id from undoing a payload that is the same text.
  const auto both = hash(data) * 0x9e3779b97f4a7c15U + hash(headers.first(id_header));
  return both == 0 ? 1 : both;
}

log_place place_of_republished(const header_lines& headers) noexcept {
  // What stands last is the server's; a producer may have written the same names before.
  const auto sequence = number_in(headers.last("Nats-Sequence"));
  if (sequence > static_cast<std::uint64_t>(most_exact))
    return {};
  return {sequence, number_in(headers.last("Nats-Last-Sequence")), 0};
}

log_place place_of_delivered(std::string_view reply) noexcept {
  // $JS.ACK.<stream>.<consumer>.<times>.<sequence>.<its own>.<nanoseconds>.<pending>
  return {number_in(token_from_end(reply, 3)), 0,
          static_cast<std::int64_t>(number_in(token_from_end(reply, 1)) / 1'000'000)};
}

} // namespace hubbub::cluster
