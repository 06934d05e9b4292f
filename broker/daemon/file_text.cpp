#include "broker/daemon/file_text.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace hubbub::daemon {

broker::result<std::string> read_file_text(const std::string& name, std::size_t most) {
  using broker::refusal;
  const auto failed = [] {
    return refusal{broker::errc::unavailable, std::string{"cannot be read: "} + std::strerror(errno)};
  };
  const std::unique_ptr<FILE, int (*)(FILE*)> file{std::fopen(name.c_str(), "rbe"), &std::fclose};
  if (!file)
    return failed();
  std::string text;
  char part[4096];
  while (const auto n = std::fread(part, 1, sizeof part, file.get())) {
    text.append(part, n);
    if (text.size() > most)
      return refusal{broker::errc::unavailable, "is larger than " + std::to_string(most) + " bytes"};
  }
  if (std::ferror(file.get()))
    return failed();
  return text;
}

} // namespace hubbub::daemon
