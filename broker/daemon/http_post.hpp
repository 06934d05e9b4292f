#pragma once

#include "broker/errc.hpp"

#include <string>

namespace hubbub::daemon {

struct http_answer_text {
  long status = 0;
  std::string body;
};

/// Posts JSON and waits for the answer, at most 10 seconds; for commands, never for a node. `key` goes into
/// the Authorization header unless it is empty. Refused with `unavailable` when there is no answer.
[[nodiscard]] broker::result<http_answer_text> post_json(const std::string& url, const std::string& key,
                                                         const std::string& body);

} // namespace hubbub::daemon
