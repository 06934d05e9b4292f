#pragma once

#include "broker/errc.hpp"
#include "cluster/embedded_bus.hpp"
#include "cluster/siphash.hpp"
#include "cluster/sqlite_db.hpp"

#include <cstdint>
#include <string>

namespace hubbub::cluster {

/// The log's file, opened for writing: made, checked, and told whether its
/// last user stopped in order. One thread at a time.
class sqlite_file {
public:
  /// The schema that this hubbub writes; older ones are brought up to it, newer ones refused by name.
  static constexpr std::int64_t schema = 1;

  [[nodiscard]] static broker::result<sqlite_file> open(const std::string& path,
                                                        embedded_options::sync_mode sync);

  /// Makes sure, on the disk, that offsets up to `last` are never given out again after a restart.
  /// SQLITE_OK or an error. Not within a transaction.
  [[nodiscard]] int reserve(std::uint64_t last) noexcept;
  /// Says that it was stopped in order, with `last` the last offset given out.
  void close(std::uint64_t last) noexcept;

  database db;
  std::string epoch;
  siphash_key key{};
  /// Offsets up to here may have been given out.
  std::uint64_t reserved = 0;

private:
  sqlite_file(database opened, embedded_options::sync_mode sync) : db{std::move(opened)}, sync_{sync} {}

  [[nodiscard]] broker::refusal check();
  [[nodiscard]] broker::refusal create();
  [[nodiscard]] broker::refusal begin_life();
  [[nodiscard]] int set(const char* name, std::string_view value) noexcept;
  [[nodiscard]] int get(const char* name, std::string& value) noexcept;

  embedded_options::sync_mode sync_;
};

} // namespace hubbub::cluster
