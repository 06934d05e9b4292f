#include "broker/daemon/http_answer.hpp"

#include "transport/http_text.hpp"

#include <utility>

namespace hubbub::daemon {

broker::http_response error_answer(const broker::refusal& why) { return transport::error_response(why); }

broker::http_response error_answer(unsigned status, const broker::refusal& why) {
  return transport::error_response(status, broker::name(why.code), why.message, why.retry_after_ms);
}

broker::http_response not_found() {
  return error_answer(404, {broker::errc::bad_command, "there is nothing at this path"});
}

broker::http_response not_built(std::string_view path) {
  return error_answer({broker::errc::not_supported, std::string{path} + " is not offered by this version"});
}

broker::http_response wrong_method(std::string_view allowed) {
  auto out = error_answer(405, {broker::errc::bad_command, "this path knows " + std::string{allowed}});
  out.headers.emplace_back("Allow", allowed);
  return out;
}

broker::http_response json_answer(std::string json) {
  broker::http_response out;
  out.body = std::move(json);
  return out;
}

broker::http_response status_answer(std::string_view status, unsigned code) {
  auto out = json_answer("{\"status\":\"" + std::string{status} + "\"}");
  out.status = code;
  return out;
}

} // namespace hubbub::daemon
