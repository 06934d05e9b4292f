#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cstring>
#include <new>

namespace hubbub::test {

/// While it lives, SQLite's files are on a disk that fails when told to: the system's, seen through a layer.
/// One at a time; opened before the files are, and gone after they are closed.
class faulty_disk {
public:
  faulty_disk() {
    real_ = sqlite3_vfs_find(nullptr);
    layer_ = *real_;
    layer_.zName = "faulty";
    layer_.pNext = nullptr;
    layer_.szOsFile = static_cast<int>(sizeof(file)) + real_->szOsFile;
    layer_.xOpen = &open;
    fail_syncs = fail_writes = 0;
    write_error = SQLITE_OK;
    sqlite3_vfs_register(&layer_, 1);
  }
  ~faulty_disk() { sqlite3_vfs_unregister(&layer_); }
  faulty_disk(const faulty_disk&) = delete;
  faulty_disk& operator=(const faulty_disk&) = delete;

  /// Of a thousand calls fail so many.
  static inline std::atomic<unsigned> fail_syncs{0}, fail_writes{0};
  /// What each call that would change a file ends with; SQLITE_OK: they are let through.
  static inline std::atomic<int> write_error{SQLITE_OK};

private:
  struct file {
    sqlite3_file base;
    sqlite3_file* real;
  };
  static sqlite3_file* real(sqlite3_file* f) { return reinterpret_cast<file*>(f)->real; }

  static bool fails(unsigned of_thousand) {
    static std::atomic<unsigned> state{1};
    const auto next = state.fetch_add(1) * 2654435761u;
    return (next >> 8) % 1000 < of_thousand;
  }

  static int open(sqlite3_vfs*, const char* name, sqlite3_file* to, int flags, int* out) {
    auto* f = reinterpret_cast<file*>(to);
    f->base.pMethods = nullptr;
    f->real = reinterpret_cast<sqlite3_file*>(f + 1);
    const auto rc = real_->xOpen(real_, name, f->real, flags, out);
    if (f->real->pMethods != nullptr)
      f->base.pMethods = &methods_;
    return rc;
  }
  static int write(sqlite3_file* f, const void* data, int size, sqlite3_int64 at) {
    if (const int error = write_error; error != SQLITE_OK)
      return error;
    if (fails(fail_writes)) {
      // A part of it may be there.
      real(f)->pMethods->xWrite(real(f), data, size / 2, at);
      return SQLITE_IOERR_WRITE;
    }
    return real(f)->pMethods->xWrite(real(f), data, size, at);
  }
  static int sync(sqlite3_file* f, int flags) {
    return fails(fail_syncs) ? SQLITE_IOERR_FSYNC : real(f)->pMethods->xSync(real(f), flags);
  }

  static inline sqlite3_vfs* real_ = nullptr;
  static inline const sqlite3_io_methods methods_{
      3,
      [](sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); },
      [](sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
        return real(f)->pMethods->xRead(real(f), to, n, at);
      },
      &write,
      [](sqlite3_file* f, sqlite3_int64 n) {
        const int error = write_error;
        return error != SQLITE_OK ? error : real(f)->pMethods->xTruncate(real(f), n);
      },
      &sync,
      [](sqlite3_file* f, sqlite3_int64* n) { return real(f)->pMethods->xFileSize(real(f), n); },
      [](sqlite3_file* f, int to) { return real(f)->pMethods->xLock(real(f), to); },
      [](sqlite3_file* f, int to) { return real(f)->pMethods->xUnlock(real(f), to); },
      [](sqlite3_file* f, int* out) { return real(f)->pMethods->xCheckReservedLock(real(f), out); },
      [](sqlite3_file* f, int op, void* arg) { return real(f)->pMethods->xFileControl(real(f), op, arg); },
      [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); },
      [](sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); },
      [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
        return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
      },
      [](sqlite3_file* f, int at, int n, int flags) {
        return real(f)->pMethods->xShmLock(real(f), at, n, flags);
      },
      [](sqlite3_file* f) { return real(f)->pMethods->xShmBarrier(real(f)); },
      [](sqlite3_file* f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); },
      [](sqlite3_file* f, sqlite3_int64 at, int n, void** out) {
        return real(f)->pMethods->xFetch(real(f), at, n, out);
      },
      [](sqlite3_file* f, sqlite3_int64 at, void* p) { return real(f)->pMethods->xUnfetch(real(f), at, p); },
  };
  sqlite3_vfs layer_{};
};

} // namespace hubbub::test
