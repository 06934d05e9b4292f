#pragma once

#include <nlohmann/json.hpp>

#include <string_view>

namespace hubbub::tests {

/// May `text` be JSON or not, by another parser?
inline bool may_be_json(std::string_view text, bool is_json) {
  // It would skip a byte order mark, and end at a zero byte.
  if (text.starts_with("\xef\xbb\xbf") || text.find('\0') != text.npos)
    return !is_json;
  try {
    return !nlohmann::json::parse(text).is_discarded() == is_json;
  } catch (const nlohmann::json::out_of_range&) {
    return true; // it stopped at a number too large for it, and cannot say
  } catch (const nlohmann::json::exception&) {
    return !is_json;
  }
}

} // namespace hubbub::tests
