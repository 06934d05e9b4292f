#include "broker/daemon/config_variables.hpp"

#include "broker/daemon/config_settings.hpp"
#include "broker/daemon/config_value.hpp"

#include <algorithm>
#include <array>

namespace hubbub::daemon {
namespace {

/// What is read elsewhere than in the settings: by the program, and by scripts that start it.
constexpr std::array<std::string_view, 5> read_elsewhere{"HUBBUB_CONFIG", "HUBBUB_ADMIN_KEY", "HUBBUB_BINARY",
                                                         "HUBBUB_TESTS", "HUBBUB_FAST_BUILD"};

/// Does `name` end in `word`, or go on with more words behind it?
bool has_words(std::string_view name, std::string_view word) {
  for (auto at = name.find(word); at != name.npos; at = name.find(word, at + 1))
    if (at + word.size() == name.size() || name[at + word.size()] == '_')
      return true;
  return false;
}

/// For a Service `hubbub-x` Kubernetes sets HUBBUB_X_SERVICE_HOST, HUBBUB_X_SERVICE_PORT, HUBBUB_X_PORT,
/// HUBBUB_X_PORT_8080_TCP and more; for `hubbub` the same without the X.
bool is_of_a_service(std::string_view name) {
  return name.starts_with("HUBBUB_SERVICE_") || name.starts_with("HUBBUB_PORT") ||
         has_words(name, "_SERVICE_HOST") || has_words(name, "_SERVICE_PORT") || has_words(name, "_PORT");
}

} // namespace

std::vector<std::string> unknown_variables(const std::vector<std::string>& names) {
  std::vector<std::string> known;
  for (const auto& s : settings())
    known.push_back(s.variable());
  // Compared without what all have in common, or everything short would be like everything else.
  std::vector<std::string_view> tails{std::string_view{"CONFIG"}};
  for (const auto& variable : known)
    tails.push_back(std::string_view{variable}.substr(variable_prefix.size()));
  std::vector<std::string> sentences;
  for (const auto& name : names) {
    if (!name.starts_with(variable_prefix) || is_of_a_service(name) ||
        std::ranges::find(known, name) != known.end() ||
        std::ranges::find(read_elsewhere, name) != read_elsewhere.end())
      continue;
    auto& sentence = sentences.emplace_back(name + ": there is no such variable");
    const auto near = nearest(std::string_view{name}.substr(variable_prefix.size()), tails);
    if (!near.empty())
      sentence.append("; did you mean ").append(variable_prefix).append(near).append("?");
  }
  std::ranges::sort(sentences);
  return sentences;
}

} // namespace hubbub::daemon
