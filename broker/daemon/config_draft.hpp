#pragma once

#include "broker/daemon/config.hpp"
#include "broker/daemon/config_load.hpp"
#include "broker/daemon/config_value.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hubbub::daemon {

/// A configuration while it is put together: values, where each came from, and what is wrong so far.
struct config_draft {
  config value;
  /// By name: built-in values with what was set; `default` is the first to be read.
  std::map<std::string, broker::policy, std::less<>> policies;
  broker::policy fallback;
  /// `hubbub.toml:12`, `HUBBUB_LISTEN` or `--listen`, by full key (`limits.rooms`).
  std::map<std::string, std::string, std::less<>> places;
  problems wrong;

  [[nodiscard]] bool given(std::string_view key) const { return places.contains(key); }
  /// Notes what is wrong with `key`: `<place>: <key>: <what>`.
  void complain(std::string_view key, std::string_view what);
  /// Is something wrong with `key` already? Its value is not what was meant then.
  [[nodiscard]] bool complained(std::string_view key) const;
  /// Notes that `key` was set at `place`.
  void note(std::string key, std::string place) { places.insert_or_assign(std::move(key), std::move(place)); }
};

/// Reads `draft.value.file`. False: it could not be read at all.
bool read_file(config_draft& draft);
/// What dev mode changes where nobody said otherwise. Comes after all sources.
void apply_dev_mode(config_draft& draft);
/// Rules between keys.
void check_together(config_draft& draft);
/// Keys of what this version does not do yet.
void check_unbuilt(config_draft& draft);

} // namespace hubbub::daemon
