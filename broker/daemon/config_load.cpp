#include "broker/daemon/config_load.hpp"

#include "broker/daemon/config_draft.hpp"
#include "broker/daemon/config_settings.hpp"
#include "broker/daemon/config_variables.hpp"
#include "broker/room_name.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace hubbub::daemon {
namespace {

/// The host's name as a node's: up to the first dot, and only what a node's name may have.
std::string host_name() {
  char text[256] = {};
  if (gethostname(text, sizeof text - 1) != 0)
    return "node";
  std::string name{text};
  name = name.substr(0, std::min<std::size_t>(name.find('.'), 64));
  std::ranges::replace_if(
      name,
      [](char c) {
        return !broker::is_namespace_name({&c, 1});
      },
      '-');
  return name.empty() ? "node" : name;
}

void apply(config_draft& draft, const setting& s, const std::string& text, std::string place) {
  draft.note(s.name(), std::move(place));
  if (auto wrong = s.set(draft.value, given_value::text(text)); !wrong.empty())
    draft.complain(s.name(), wrong);
}

/// Where a complaint stands: those of a file in the order of its lines, then the others.
std::pair<std::string_view, unsigned> line_of(std::string_view complaint, std::string_view file) {
  unsigned line = ~0U;
  if (!file.empty() && complaint.starts_with(file) && complaint.substr(file.size()).starts_with(':')) {
    auto rest = complaint.substr(file.size() + 1);
    std::from_chars(rest.data(), rest.data() + rest.size(), line);
  }
  return {{}, line};
}

} // namespace

void config_draft::complain(std::string_view key, std::string_view what) {
  auto it = places.find(key);
  std::string text = it == places.end() ? std::string{} : it->second + ": ";
  wrong.push_back(text.append(key).append(": ").append(what));
}

bool config_draft::complained(std::string_view key) const {
  const auto part = std::string{key} + ": ";
  return std::any_of(wrong.begin(), wrong.end(),
                     [&](const std::string& text) { return text.find(part) != std::string::npos; });
}

std::variant<config, problems> load_config(const config_sources& from) {
  config_draft draft;
  draft.value.file = from.file;
  draft.value.server.node = host_name();
  if (!from.file.empty() && !read_file(draft))
    return draft.wrong;

  for (const auto& s : settings())
    if (auto text = from.environment ? from.environment(s.variable()) : std::nullopt)
      apply(draft, s, *text, s.variable());
  for (const auto& [flag, text] : from.flags)
    for (const auto& s : settings())
      if (s.flag == flag)
        apply(draft, s, text, "--" + flag);

  auto stray = unknown_variables(from.variables);
  apply_dev_mode(draft);
  check_unbuilt(draft);
  check_together(draft);
  if (!draft.wrong.empty()) {
    std::ranges::stable_sort(draft.wrong, {}, [&](const auto& text) { return line_of(text, from.file); });
    // One of them may be what was meant to set what is missing.
    draft.wrong.insert(draft.wrong.end(), stray.begin(), stray.end());
    return draft.wrong;
  }
  std::ranges::move(stray, std::back_inserter(draft.value.warnings));
  draft.value.namespaces = broker::namespaces{draft.fallback, std::move(draft.policies)};
  return std::move(draft.value);
}

} // namespace hubbub::daemon
