#include "cluster/embedded_revocations.hpp"

#include "cluster/sqlite_db.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace hubbub::cluster {
namespace {

using broker::errc;
using broker::refusal;

constexpr auto make_revocations = R"(
  CREATE TABLE IF NOT EXISTS revocations(kind TEXT NOT NULL, name TEXT NOT NULL, before INTEGER NOT NULL,
    made INTEGER NOT NULL, PRIMARY KEY(kind, name)) WITHOUT ROWID;
)";

refusal too_many_revocations(const broker::revoked_list& list) {
  return {errc::overloaded, "as many revocations are held as may be: " + std::to_string(list.most())};
}

class memory_revocations final : public broker::revocations {
public:
  explicit memory_revocations(broker::revoked_list& list) : list_{list} {}

  void revoke(broker::revocation what, handler done) override {
    if (list_.put(std::move(what)) == broker::revoked_list::outcome::full)
      return done(too_many_revocations(list_));
    done({errc::ok});
  }

private:
  broker::revoked_list& list_;
};

/// Has a thread of its own: a loop must not wait for the disk.
class sqlite_revocations final : public broker::revocations {
public:
  sqlite_revocations(database db, broker::revoked_list& list, const broker::clock& time,
                     broker::supervisor* answers)
      : db_{std::move(db)}, list_{list}, time_{time}, answers_{answers} {}

  ~sqlite_revocations() override {
    {
      std::lock_guard hold{mutex_};
      stopping_ = true;
    }
    work_.notify_all();
    if (writer_.joinable())
      writer_.join();
  }
  sqlite_revocations(const sqlite_revocations&) = delete;
  sqlite_revocations& operator=(const sqlite_revocations&) = delete;

  [[nodiscard]] refusal open() {
    if (db_.run("PRAGMA synchronous = FULL") != SQLITE_OK || db_.run(make_revocations) != SQLITE_OK)
      return db_.failure();
    auto old = db_.prepare("DELETE FROM revocations WHERE made <= ?");
    if (!old || old.with(time_.unix_ms() - list_.keep().count()).run() != SQLITE_OK)
      return db_.failure();
    auto all = db_.prepare("SELECT kind, name, before, made FROM revocations");
    if (!all)
      return db_.failure();
    int code = SQLITE_ROW;
    while ((code = all.step()) == SQLITE_ROW) {
      broker::revocation r;
      const auto kind = all.text(0);
      if (kind == "user")
        r.user = all.text(1);
      else if (kind == "session")
        r.session = broker::session_id::parse(all.text(1));
      else
        r.token_id = all.text(1);
      r.before_ms = all.integer(2);
      r.made_ms = all.integer(3);
      list_.put(std::move(r));
    }
    if (code != SQLITE_DONE)
      return db_.failure();
    writer_ = std::thread{[this] { write_all(); }};
    return {errc::ok};
  }

  void revoke(broker::revocation what, handler done) override {
    if (!list_.has_room_for(what))
      return done(too_many_revocations(list_));
    std::unique_lock hold{mutex_};
    if (waiting_.size() >= most_waiting) {
      hold.unlock();
      return done({errc::overloaded, "too many revocations wait for the disk", broker::retry_soon_ms});
    }
    waiting_.emplace_back(std::move(what), std::move(done));
    work_.notify_one();
  }

private:
  static constexpr std::size_t most_waiting = 1024;
  using order = std::pair<broker::revocation, handler>;

  void write_all() {
    std::unique_lock hold{mutex_};
    for (;;) {
      work_.wait(hold, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty())
        return;
      auto next = std::move(waiting_.front());
      waiting_.pop_front();
      hold.unlock();
      serve(std::move(next));
      hold.lock();
    }
  }

  /// Whoever asked is answered also when something broke.
  void serve(order next) noexcept {
    constexpr std::string_view part = "revocations";
    refusal why;
    if (!broker::guarded(answers_, part, [&] { why = write(std::move(next.first)); }))
      why = {errc::unavailable, "something broke: whether the revocation was kept is not known",
             broker::retry_soon_ms};
    broker::guarded(answers_, part, [&] { next.second(std::move(why)); });
  }

  refusal write(broker::revocation what) {
    if (what.made_ms == 0)
      what.made_ms = time_.unix_ms();
    what = list_.joined_with(what);
    auto insert = db_.prepare("INSERT OR REPLACE INTO revocations VALUES(?, ?, ?, ?)");
    const auto [kind, name] = what.whom();
    if (!insert || insert.with(kind, std::string_view{name}, what.before_ms, what.made_ms).run() != SQLITE_OK)
      return db_.failure();
    if (list_.put(std::move(what)) == broker::revoked_list::outcome::full)
      return too_many_revocations(list_);
    return {errc::ok};
  }

  database db_;
  broker::revoked_list& list_;
  const broker::clock& time_;
  broker::supervisor* const answers_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<order> waiting_; // guarded by mutex_
  bool stopping_ = false;     // guarded by mutex_
  std::thread writer_;
};

} // namespace

broker::result<std::unique_ptr<broker::revocations>> open_embedded_revocations(const std::string& data_dir,
                                                                               broker::revoked_list& list,
                                                                               const broker::clock& time,
                                                                               broker::supervisor* answers) {
  if (data_dir.empty())
    return std::unique_ptr<broker::revocations>{std::make_unique<memory_revocations>(list)};
  const auto path = data_dir + "/revocations.db";
  // SQLite would make it by the umask; its other files get the rights of this one.
  if (const auto made = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600); made >= 0)
    ::close(made);
  auto db = database::open(path);
  if (!db)
    return db.error();
  auto kept = std::make_unique<sqlite_revocations>(std::move(*db), list, time, answers);
  if (auto why = kept->open(); why.code != errc::ok)
    return why;
  return std::unique_ptr<broker::revocations>{std::move(kept)};
}

} // namespace hubbub::cluster
