#include "cluster/data_dir.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace hubbub::cluster {

broker::result<data_dir> data_dir::hold(const std::string& path) {
  const auto refuse = [](const std::string& what, const std::string& why) {
    return broker::refusal{broker::errc::unavailable, what + ": " + why};
  };
  std::error_code failed;
  // What users said is in there: a directory that we make is nobody else's, whatever the umask says.
  if (std::filesystem::create_directories(path, failed))
    std::filesystem::permissions(path, std::filesystem::perms::owner_all, failed);
  if (failed)
    return refuse(path, "cannot be used as data directory: " + failed.message());
  if (!std::filesystem::is_directory(path, failed))
    return refuse(path, "is no directory");

  const auto name = path + "/hubbub.lock";
  const auto lock = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0)
    return refuse(name, "cannot be written: " + std::string{std::strerror(errno)});
  data_dir held{path, lock};
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK)
      return refuse(name, "cannot be locked: " + std::string{std::strerror(errno)});
    char text[24] = {};
    const auto size = ::pread(lock, text, sizeof text - 1, 0);
    const auto whose = size > 0 ? " (pid " + std::string{text, static_cast<std::size_t>(size)} + ")" : "";
    return refuse(name, "the data directory is used by another process" + whose);
  }
  // Only for people, and for the sentence above.
  const auto pid = std::to_string(::getpid());
  if (::ftruncate(lock, 0) != 0 || ::pwrite(lock, pid.data(), pid.size(), 0) < 0)
    return refuse(name, "cannot be written: " + std::string{std::strerror(errno)});
  return held;
}

data_dir::data_dir(data_dir&& other) noexcept
    : path_{std::move(other.path_)}, lock_{std::exchange(other.lock_, -1)} {}

data_dir::~data_dir() {
  // The file stays: to remove it would let two processes lock two files of one name.
  if (lock_ >= 0)
    ::close(lock_);
}

} // namespace hubbub::cluster
