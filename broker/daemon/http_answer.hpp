#pragma once

#include "broker/errc.hpp"
#include "broker/http.hpp"

#include <string>
#include <string_view>

/// Answers that all of the program's HTTP routes share. Any thread.
namespace hubbub::daemon {

/// `{code, message}` with the status that fits, and `Retry-After` where it helps.
[[nodiscard]] broker::http_response error_answer(const broker::refusal& why);
/// The same with a status of its own, for what no code of the protocol says (404, 405).
[[nodiscard]] broker::http_response error_answer(unsigned status, const broker::refusal& why);
[[nodiscard]] broker::http_response not_found();
/// 501: what has its place at `path` and is not built yet.
[[nodiscard]] broker::http_response not_built(std::string_view path);
/// `allowed` as the Allow header says it: `GET, HEAD`.
[[nodiscard]] broker::http_response wrong_method(std::string_view allowed);
/// 200 with one JSON text.
[[nodiscard]] broker::http_response json_answer(std::string json);
/// `{"status":…}`.
[[nodiscard]] broker::http_response status_answer(std::string_view status, unsigned code = 200);

} // namespace hubbub::daemon
