#include "broker/daemon/config_draft.hpp"
#include "broker/daemon/config_settings.hpp"
#include "broker/daemon/file_text.hpp"

#include <toml++/toml.h>

#include <algorithm>

namespace hubbub::daemon {
namespace {

given_value from_toml(const toml::node& node) {
  if (const auto* b = node.as_boolean())
    return {b->get()};
  if (const auto* i = node.as_integer())
    return {i->get()};
  if (const auto* d = node.as_floating_point())
    return {d->get()};
  if (const auto* s = node.as_string())
    return {s->get()};
  if (const auto* a = node.as_array()) {
    text_list items;
    for (const auto& item : *a) {
      if (!item.is_string())
        return {other_value{"a list with something else in it"}};
      items.push_back(item.as_string()->get());
    }
    return {std::move(items)};
  }
  return {other_value{node.is_table() ? "a table" : "a date or time"}};
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& known) {
  const auto near = nearest(word, known);
  return near.empty() ? std::string{} : "; did you mean \"" + std::string{near} + "\"?";
}

std::string sections_with(std::string_view key) {
  for (const auto& s : settings())
    if (s.key == key)
      return "; it belongs in [" + std::string{s.section} + "]";
  if (find_policy_setting(key))
    return "; it belongs in a [namespace.<name>]";
  return {};
}

/// Walks one file's tables.
class file_reader {
public:
  explicit file_reader(config_draft& draft) : draft_{draft} {}

  void read(const toml::table& root) {
    for (const auto& [key, node] : root) {
      const std::string name{key.str()};
      const bool is_section = std::ranges::find(settings(), name, &setting::section) != settings().end();
      if (name != "namespace" && !is_section)
        unknown_section(key, name, node);
      else if (!node.is_table())
        complain(key, name, "expected a section [" + name + "], got " + from_toml(node).shown());
      else if (name == "namespace")
        read_namespaces(*node.as_table());
      else
        read_section(name, *node.as_table());
    }
  }

private:
  void unknown_section(const toml::key& at, const std::string& name, const toml::node& node) {
    if (!node.is_table()) {
      auto where = sections_with(name);
      complain(at, name, where.empty() ? "there is no such key" : "keys stand in sections" + where);
      return;
    }
    std::vector<std::string_view> known{"namespace"};
    for (const auto& s : settings())
      known.push_back(s.section);
    complain(at, name, "there is no section [" + name + "]" + did_you_mean(name, known));
  }

  void read_section(const std::string& section, const toml::table& table) {
    for (const auto& [key, node] : table) {
      const std::string name{key.str()};
      const auto full = section + "." + name;
      const auto* known = find_setting(section, name);
      if (!known) {
        std::vector<std::string_view> keys;
        for (const auto& s : settings())
          if (s.section == section)
            keys.push_back(s.key);
        auto hint = sections_with(name);
        complain(key, full, "there is no such key" + (hint.empty() ? did_you_mean(name, keys) : hint));
      } else if (auto wrong = known->set(draft_.value, from_toml(node)); !wrong.empty()) {
        complain(key, full, wrong);
      } else {
        draft_.note(full, place(key));
      }
    }
  }

  void read_namespaces(const toml::table& table) {
    // The others inherit from it, wherever it stands in the file.
    if (const auto* first = table.get_as<toml::table>("default"))
      read_namespace("default", *first, draft_.fallback);
    for (const auto& [key, node] : table) {
      const std::string name{key.str()};
      const auto full = "namespace." + name;
      if (!node.is_table()) {
        complain(key, full, "expected a section such as [namespace.chat], got " + from_toml(node).shown());
      } else if (!broker::is_namespace_name(name)) {
        complain(key, full, "a namespace's name is 1 to 64 letters, digits, _ or -");
      } else if (name != "default") {
        draft_.note(full, place(key));
        auto& p = draft_.policies.emplace(name, draft_.fallback).first->second;
        read_namespace(name, *node.as_table(), p);
      }
    }
  }

  void read_namespace(const std::string& space, const toml::table& table, broker::policy& into) {
    for (const auto& [key, node] : table) {
      const std::string name{key.str()};
      const auto full = "namespace." + space + "." + name;
      const auto* known = find_policy_setting(name);
      if (!known) {
        std::vector<std::string_view> keys;
        for (const auto& s : policy_settings())
          keys.push_back(s.key);
        complain(key, full, "there is no such key" + did_you_mean(name, keys));
      } else if (auto wrong = known->set(into, from_toml(node)); !wrong.empty()) {
        complain(key, full, wrong);
      } else {
        draft_.note(full, place(key));
      }
    }
  }

  [[nodiscard]] std::string place(const toml::key& at) const {
    return draft_.value.file + ":" + std::to_string(at.source().begin.line);
  }
  void complain(const toml::key& at, const std::string& key, std::string_view what) {
    draft_.note(key, place(at));
    draft_.complain(key, what);
  }

  config_draft& draft_;
};

} // namespace

bool read_file(config_draft& draft) {
  const auto& file = draft.value.file;
  const auto text = read_file_text(file);
  if (!text) {
    draft.wrong.push_back(file + ": " + text.error().message);
    return false;
  }
  try {
    file_reader{draft}.read(toml::parse(std::string_view{*text}, std::string_view{file}));
  } catch (const toml::parse_error& e) {
    draft.wrong.push_back(file + ":" + std::to_string(e.source().begin.line) + ": " +
                          std::string{e.description()});
    return false;
  }
  return true;
}

} // namespace hubbub::daemon
