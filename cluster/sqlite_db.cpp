#include "cluster/sqlite_db.hpp"

#include <sqlite3.h>

#include <cstring>
#include <utility>

namespace hubbub::cluster {

void statement::finalize::operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }

int statement::step() noexcept { return sqlite3_step(handle_.get()); }

void statement::reset() noexcept { sqlite3_reset(handle_.get()); }

int statement::run() noexcept {
  auto rc = step();
  while (rc == SQLITE_ROW)
    rc = step();
  reset();
  return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

std::int64_t statement::integer(int column) const noexcept {
  return sqlite3_column_int64(handle_.get(), column);
}

std::string_view statement::text(int column) const noexcept {
  // First the text, then its size: the other way round is not defined.
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
  if (bytes == nullptr)
    return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

void statement::bind(int i, std::int64_t value) noexcept { sqlite3_bind_int64(handle_.get(), i, value); }

void statement::bind(int i, std::string_view value) noexcept {
  // An empty view may have no address, and SQLite would make NULL of it.
  const auto* bytes = value.empty() ? "" : value.data();
  sqlite3_bind_text64(handle_.get(), i, bytes, value.size(), SQLITE_STATIC, SQLITE_UTF8);
}

void database::close::operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }

broker::result<database> database::open(const std::string& path) {
  sqlite3* handle = nullptr;
  const auto flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const auto rc = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  database opened{handle, path};
  if (rc != SQLITE_OK)
    return opened.failure();
  sqlite3_busy_timeout(handle, 1000);
  return opened;
}

int database::run(const char* sql) noexcept {
  return sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
}

statement database::prepare(const char* sql) noexcept {
  sqlite3_stmt* s = nullptr;
  sqlite3_prepare_v3(handle_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &s, nullptr);
  return statement{s};
}

int database::ask(const char* sql, std::int64_t& answer) noexcept {
  auto question = prepare(sql);
  if (!question)
    return sqlite3_extended_errcode(handle_.get());
  const auto rc = question.step();
  if (rc == SQLITE_ROW)
    answer = question.integer(0);
  return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int database::ask(const char* sql, std::string& answer) noexcept {
  auto question = prepare(sql);
  if (!question)
    return sqlite3_extended_errcode(handle_.get());
  const auto rc = question.step();
  if (rc == SQLITE_ROW)
    answer = question.text(0);
  return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

bool database::in_transaction() const noexcept { return sqlite3_get_autocommit(handle_.get()) == 0; }

broker::refusal database::failure() const {
  return describe(handle_ ? sqlite3_errcode(handle_.get()) : SQLITE_NOMEM,
                  handle_ ? sqlite3_errmsg(handle_.get()) : "out of memory");
}

broker::refusal database::failure(int code) const {
  return describe(code, code == SQLITE_READONLY_DBMOVED ? "was removed or replaced" : sqlite3_errstr(code));
}

broker::refusal database::describe(int code, const char* words) const {
  auto text = path_ + ": " + words;
  // Only these come from a call to the system.
  if (const auto kind = code & 0xff; handle_ && (kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN))
    if (const auto why = sqlite3_system_errno(handle_.get()); why != 0)
      text.append(" (").append(std::strerror(why)).append(")");
  return {broker::errc::unavailable, std::move(text)};
}

} // namespace hubbub::cluster
