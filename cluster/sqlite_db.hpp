#pragma once

#include "broker/errc.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace hubbub::cluster {

/// A prepared statement, or none when preparing failed. Steps return SQLite's
/// extended result codes. One thread at a time; must not outlive its database.
class statement {
public:
  statement() = default;
  explicit statement(sqlite3_stmt* s) : handle_{s} {}
  [[nodiscard]] explicit operator bool() const noexcept { return handle_ != nullptr; }

  /// Binds from the first parameter on. Text must stay until `reset`.
  template <class... Ts>
  statement& with(const Ts&... values) {
    auto i = 0;
    (bind(++i, values), ...);
    return *this;
  }
  /// SQLITE_ROW, SQLITE_DONE or an error.
  [[nodiscard]] int step() noexcept;
  void reset() noexcept;
  /// Runs to its end. SQLITE_OK or an error.
  [[nodiscard]] int run() noexcept;

  [[nodiscard]] std::int64_t integer(int column) const noexcept;
  [[nodiscard]] std::uint64_t number(int column) const noexcept {
    return static_cast<std::uint64_t>(integer(column));
  }
  /// Valid until the next step.
  [[nodiscard]] std::string_view text(int column) const noexcept;

private:
  void bind(int i, std::int64_t value) noexcept;
  void bind(int i, std::uint64_t value) noexcept { bind(i, static_cast<std::int64_t>(value)); }
  void bind(int i, std::string_view value) noexcept;

  struct finalize {
    void operator()(sqlite3_stmt* s) const noexcept;
  };
  std::unique_ptr<sqlite3_stmt, finalize> handle_;
};

/// A connection to an SQLite file. One thread at a time.
class database {
public:
  /// Creates the file when it does not exist.
  [[nodiscard]] static broker::result<database> open(const std::string& path);

  /// SQLITE_OK or an extended error code.
  [[nodiscard]] int run(const char* sql) noexcept;
  [[nodiscard]] statement prepare(const char* sql) noexcept;
  /// The first column of the first row; what was there before when there is none.
  [[nodiscard]] int ask(const char* sql, std::int64_t& answer) noexcept;
  [[nodiscard]] int ask(const char* sql, std::string& answer) noexcept;
  [[nodiscard]] bool in_transaction() const noexcept;

  /// `unavailable`, with the file's name and what SQLite and the system say of the last error.
  [[nodiscard]] broker::refusal failure() const;
  /// The same for a code that was returned earlier.
  [[nodiscard]] broker::refusal failure(int code) const;
  [[nodiscard]] sqlite3* handle() const noexcept { return handle_.get(); }

private:
  struct close {
    void operator()(sqlite3* db) const noexcept;
  };
  database(sqlite3* handle, std::string path) : handle_{handle}, path_{std::move(path)} {}
  [[nodiscard]] broker::refusal describe(int code, const char* words) const;

  std::unique_ptr<sqlite3, close> handle_;
  std::string path_;
};

} // namespace hubbub::cluster
