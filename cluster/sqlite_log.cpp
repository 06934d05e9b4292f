#include "cluster/sqlite_log.hpp"

#include "cluster/sqlite_file.hpp"
#include "cluster/sqlite_reader.hpp"
#include "cluster/sqlite_tables.hpp"
#include "cluster/sqlite_writer.hpp"

#include <sqlite3.h>

#include <utility>

namespace hubbub::cluster {
broker::result<std::unique_ptr<log>> sqlite_log::open(const embedded_options& options,
                                                      const broker::namespaces& spaces,
                                                      const broker::clock& time) {
  auto dir = data_dir::hold(options.data_dir);
  if (!dir)
    return dir.error();
  const auto path = dir->file("hubbub.db");
  auto file = sqlite_file::open(path, options.sync);
  if (!file)
    return file.error();
  auto tables = sqlite_tables::prepare(file->db);
  if (!tables)
    return tables.error();
  dedup_table seen{options.ids};
  if (tables->recall(seen, time.unix_ms()) != SQLITE_OK)
    return file->db.failure();

  auto shared = std::make_shared<sqlite_shared>(path, file->key, spaces, time, options.answers);
  std::unique_ptr<sqlite_log> opened{new sqlite_log{std::move(*dir), options.sync, file->epoch, shared}};
  auto reader = sqlite_reader::open(file->epoch, shared);
  if (!reader)
    return reader.error();
  opened->reader_ = std::move(*reader);
  opened->writer_ =
      std::make_unique<sqlite_writer>(std::move(*file), std::move(*tables), std::move(seen), shared);
  return std::unique_ptr<log>{std::move(opened)};
}

sqlite_log::sqlite_log(data_dir dir, embedded_options::sync_mode sync, std::string epoch,
                       std::shared_ptr<sqlite_shared> shared)
    : dir_{std::move(dir)}, sync_{sync}, epoch_{std::move(epoch)}, shared_{std::move(shared)} {}

sqlite_log::~sqlite_log() { shared_->queue.close(); }

std::unique_ptr<broker::interest> sqlite_log::want(const broker::room_name& room,
                                                   std::shared_ptr<broker::event_bus_handler> handler) {
  return std::make_unique<sqlite_interest>(shared_, room, std::move(handler));
}

void sqlite_log::read(broker::read_request what, broker::read_handler done) {
  reader_->read(std::move(what), std::move(done));
}

broker::guarantee sqlite_log::promises() const {
  if (sync_ == embedded_options::sync_mode::full)
    return {"sqlite",
            "Events are confirmed when they are on the disk (" + shared_->file +
                "): they outlast the process, the system and a power failure.",
            "full", 1};
  return {"sqlite",
          "Events are confirmed when the system has them (" + shared_->file +
              "): they outlast the process; when the system crashes, the newest may be lost.",
          "normal", 1};
}

broker::refusal sqlite_log::health() const { return writer_->health(); }

} // namespace hubbub::cluster
