#include "broker/json_walker.hpp"
#include "broker/protocol.hpp"

#include <algorithm>
#include <exception>

namespace hubbub::broker::protocol {

bool is_json(std::string_view text, std::uint32_t depth) noexcept {
  try {
    static thread_local json_walker walker;
    walker.shrink();
    // As the only element of an array, so that a bare number or string is a value like any other.
    simdjson::ondemand::array elements;
    if (!walker.open(text, "[", "]") || walker.doc().get_array().get(elements))
      return false;
    auto count = 0;
    for (auto one : elements) {
      json_walker::value element;
      json_text where;
      if (++count > 1 || std::move(one).get(element) || walker.check(element, depth, where) != flaw::none)
        return false;
    }
    return count == 1 && walker.at_end();
  } catch (const std::exception&) {
    return false; // no memory to look at it
  }
}

bool is_label(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 128 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

} // namespace hubbub::broker::protocol
