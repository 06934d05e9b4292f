#pragma once

#include "broker/json_text.hpp"

#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <string_view>

namespace hubbub::broker::protocol {

/// What is wrong with a text.
enum class flaw : std::uint8_t { none, syntax, depth };

/// Reads JSON with simdjson's on-demand interface, which checks UTF-8, strings' ends and control characters
/// everywhere, but structure, names, numbers, literals and escapes only where one looks: `check` looks at
/// all. Keeps its scratch memory between texts. One thread at a time.
class json_walker {
public:
  using document = simdjson::ondemand::document;
  using value = simdjson::ondemand::value;
  using field = simdjson::ondemand::field;

  /// Begins to read `before + text + after`, which are copied: nothing refers to them later.
  /// False: this is no JSON. What was read of the text before ends here.
  [[nodiscard]] bool open(std::string_view text, std::string_view before = {}, std::string_view after = {});

  /// The text that is open.
  [[nodiscard]] document& doc() noexcept { return doc_; }
  /// True when the root was read and nothing follows it.
  [[nodiscard]] bool at_end() noexcept {
    return doc_.current_location().error() == simdjson::error_code::OUT_OF_BOUNDS;
  }

  /// Takes one value of any kind, checked completely, at most `depth` arrays and objects deep.
  /// `where` is meaningful only without flaw.
  [[nodiscard]] flaw check(value v, std::uint32_t depth, json_text& where);
  /// A member's name, checked. False: it is none.
  [[nodiscard]] static bool name_of(field& member, json_text& where);

  /// Gives back scratch memory that one large text made grow.
  void shrink();

private:
  [[nodiscard]] flaw check(value v, std::uint32_t depth);

  std::unique_ptr<char[]> text_;
  std::size_t room_ = 0;
  simdjson::ondemand::parser parser_;
  document doc_;
};

} // namespace hubbub::broker::protocol
