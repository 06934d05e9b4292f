#include "cluster/backend_reply.hpp"

#include "broker/json_text.hpp"
#include "broker/protocol.hpp"
#include "cluster/base64.hpp"
#include "cluster/nats_event.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace hubbub::cluster {
namespace {

using broker::errc;

constexpr std::size_t most_code = 64;
constexpr std::size_t most_sentence = 512;
// What a refusal by NATS' services API bears; their codes are mostly numbers.
constexpr std::string_view service_error = "Nats-Service-Error";
constexpr std::string_view service_code = "Nats-Service-Error-Code";
constexpr std::string_view unnamed_code = "backend_error";

bool is_error_code(std::string_view text) noexcept {
  return !text.empty() && text.size() <= most_code && text.front() >= 'a' && text.front() <= 'z' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

request_outcome not_understood(broker::backend_answer& to) {
  to.why = {errc::unavailable, "the backend's answer is not understood"};
  to.outcome = broker::publish_outcome::unknown;
  return request_outcome::bad_answer;
}

/// Of the codes that clients know, those of who does not know itself what became of the event.
bool leaves_in_doubt(std::string_view code) noexcept {
  return code == broker::name(errc::unavailable) || code == broker::name(errc::timeout) ||
         code == broker::name(errc::internal);
}

request_outcome refuse_with(std::string_view code, std::string_view sentence, broker::backend_answer& to) {
  if (!is_error_code(code))
    return not_understood(to);
  to.code = code;
  if (leaves_in_doubt(code))
    to.outcome = broker::publish_outcome::unknown;
  // A backend that says no means it, even where its sentence cannot be repeated.
  const auto fits = !sentence.empty() && sentence.size() <= most_sentence && is_utf8(sentence);
  to.why = {errc::internal, fits ? std::string{sentence} : "the backend refused it"};
  return request_outcome::refused;
}

} // namespace

request_outcome read_verdict(const nats_message& from, broker::backend_answer& to) {
  if (from.headers.status() != 0)
    return not_understood(to);
  auto refused = false;
  from.headers.each([&](std::string_view name, std::string_view) {
    refused = refused || name == "Hubbub-Error" || name == service_error || name == service_code;
  });
  if (!refused)
    return request_outcome::ok;
  const auto said = from.headers.first("Hubbub-Error");
  if (said.empty()) {
    const auto code = from.headers.first(service_code);
    return refuse_with(is_error_code(code) ? code : unnamed_code, from.headers.first(service_error), to);
  }
  const auto end = std::min(said.find(' '), said.size());
  return refuse_with(said.substr(0, end), said.substr(std::min(end + 1, said.size())), to);
}

request_outcome read_answer(const nats_message& from, std::size_t most_bytes, broker::backend_answer& to) {
  if (const auto verdict = read_verdict(from, to); verdict != request_outcome::ok)
    return verdict;
  if (from.data.size() > most_bytes) {
    to.why = {errc::too_large, "the backend's answer has more than " + std::to_string(most_bytes) + " bytes"};
    to.outcome = broker::publish_outcome::unknown;
    return request_outcome::bad_answer;
  }
  if (from.data.empty())
    return request_outcome::ok;
  if (!broker::protocol::is_json(from.data)) {
    to.data = to_base64(from.data);
    to.encoding = broker::data_encoding::base64;
  } else if (from.data.find_first_of("\r\n") != from.data.npos) {
    to.data = broker::protocol::without_white_space(from.data);
  } else {
    to.data = from.data;
  }
  return request_outcome::ok;
}

} // namespace hubbub::cluster
