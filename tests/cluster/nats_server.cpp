#include "tests/cluster/nats_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace hubbub::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

int connect_to(std::uint16_t port) {
  const int s = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(s, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0) {
    const int yes = 1;
    ::setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return s;
  }
  ::close(s);
  return -1;
}

fs::path new_dir() {
  const fs::path shared{"/dev/shm"};
  auto name =
      ((fs::is_directory(shared) ? shared : fs::temp_directory_path()) / "hubbub-nats-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr)
    throw std::runtime_error{"no temporary directory"};
  return name;
}

/// Does the server of that name listen there? Its first line tells; a port that was free may be another
/// test's by now.
bool is_at(std::uint16_t port, const std::string& name) {
  const int s = connect_to(port);
  if (s < 0)
    return false;
  std::string line;
  char more[512];
  while (line.find('\n') == line.npos) {
    const auto n = ::recv(s, more, sizeof more, 0);
    if (n <= 0)
      break;
    line.append(more, static_cast<std::size_t>(n));
  }
  ::close(s);
  return line.find("\"server_name\":\"" + name + '"') != line.npos;
}

} // namespace

std::uint16_t free_port() {
  const int s = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (::bind(s, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
      ::getsockname(s, reinterpret_cast<sockaddr*>(&at), &size) != 0)
    throw std::runtime_error{"no free port"};
  ::close(s);
  return ntohs(at.sin_port);
}

nats_server::nats_server(std::string config) : dir_{new_dir()}, config_{std::move(config)} {
  for (auto tries = 0; tries < 10; ++tries) {
    port_ = free_port();
    if (try_start())
      return;
  }
  fs::remove_all(dir_);
  throw std::runtime_error{"nats-server does not start"};
}

nats_server::~nats_server() {
  kill();
  std::error_code ignored;
  fs::remove_all(dir_, ignored);
}

void nats_server::stop_for_now() {
  ::kill(pid_, SIGSTOP);
  const auto is_stopped = [](const fs::path& thread) {
    std::ifstream stat{thread / "stat"};
    std::string line;
    std::getline(stat, line);
    const auto behind_name = line.rfind(") "); // the state comes next (proc(5))
    return behind_name == line.npos || line[behind_name + 2] == 'T';
  };
  const auto end = std::chrono::steady_clock::now() + 5s;
  while (std::chrono::steady_clock::now() < end) {
    const fs::directory_iterator threads{"/proc/" + std::to_string(pid_) + "/task"};
    if (std::ranges::all_of(threads, [&](const auto& t) { return is_stopped(t.path()); }))
      return;
    std::this_thread::sleep_for(1ms);
  }
}

bool nats_server::exists() { return std::system("command -v nats-server >/dev/null 2>&1") == 0; }

bool nats_server::try_start() {
  const auto file = dir_ / "conf";
  const auto name = dir_.filename().string();
  std::ofstream{file} << "server_name: \"" << name << "\"\nlisten: \"127.0.0.1:" << port_
                      << "\"\njetstream { store_dir: \"" << (dir_ / "store").string()
                      << "\" }\nlame_duck_duration: \"30s\"\n"
                      << "lame_duck_grace_period: \"1s\"\n"
                      << config_ << '\n';
  const auto log = (dir_ / "log").string();
  pid_ = ::fork();
  if (pid_ == 0) {
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(out, 1);
    ::dup2(out, 2);
    ::execlp("nats-server", "nats-server", "-c", file.c_str(), nullptr);
    ::_exit(127);
  }
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (std::chrono::steady_clock::now() < end) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1; // the port was taken in between, mostly
      return false;
    }
    if (is_at(port_, name))
      return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

void nats_server::kill() {
  if (pid_ <= 0)
    return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
}

void nats_server::start() {
  for (auto tries = 0; tries < 10; ++tries) {
    if (try_start())
      return;
    std::this_thread::sleep_for(100ms);
  }
  throw std::runtime_error{"nats-server does not start again"};
}

void nats_server::wipe() { fs::remove_all(dir_ / "store"); }

void nats_server::save() { fs::copy(dir_ / "store", dir_ / "saved", fs::copy_options::recursive); }

void nats_server::set_back() {
  wipe();
  fs::copy(dir_ / "saved", dir_ / "store", fs::copy_options::recursive);
}

// -- the wire ------------------------------------------------------------------------

nats_wire::nats_wire(std::uint16_t port) : socket_{connect_to(port)} {
  if (socket_ < 0)
    throw std::runtime_error{"nats-server is not there"};
  info_ = line();
  send("CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\n");
  pong();
}

nats_wire::~nats_wire() { ::close(socket_); }

bool nats_wire::changes_republishing() const {
  static constexpr std::string_view field = "\"version\":\"";
  const auto at = info_.find(field);
  auto major = 0, minor = 0;
  if (at != info_.npos)
    std::sscanf(info_.c_str() + at + field.size(), "%d.%d", &major, &minor);
  return std::pair{major, minor} >= std::pair{2, 10};
}

std::string nats_wire::text_of(const std::string& subject, std::string_view data,
                               const std::string& headers) {
  std::string text;
  if (headers.empty()) {
    text = "PUB " + subject + ' ' + std::to_string(data.size()) + "\r\n";
  } else {
    const auto head = "NATS/1.0\r\n" + headers + "\r\n";
    text = "HPUB " + subject + ' ' + std::to_string(head.size()) + ' ' +
           std::to_string(head.size() + data.size()) + "\r\n" + head;
  }
  return text.append(data).append("\r\n");
}

void nats_wire::publish(const std::string& subject, std::string_view data, const std::string& headers) {
  send(text_of(subject, data, headers));
}

void nats_wire::publish_now(const std::string& subject, std::string_view data, const std::string& headers) {
  publish(subject, data, headers);
  pong();
}

std::string nats_wire::request(const std::string& subject, std::string_view data) {
  send("SUB _INBOX.wire 1\r\nPUB " + subject + " _INBOX.wire " + std::to_string(data.size()) + "\r\n" +
       std::string{data} + "\r\n");
  for (;;) {
    const auto said = line();
    if (said.starts_with("HMSG"))
      throw std::runtime_error{"nobody answers at " + subject};
    if (!said.starts_with("MSG"))
      continue;
    auto answer = bytes(std::stoul(said.substr(said.rfind(' ') + 1)));
    static_cast<void>(line());
    send("UNSUB 1\r\n");
    pong();
    return answer;
  }
}

void nats_wire::pong() {
  send("PING\r\n");
  while (line() != "PONG") {
  }
}

void nats_wire::send(std::string_view text) {
  while (!text.empty()) {
    const auto n = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
    if (n <= 0)
      throw std::runtime_error{"nats-server has gone"};
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string nats_wire::line() {
  for (;;) {
    if (const auto end = read_.find("\r\n"); end != read_.npos) {
      auto one = read_.substr(0, end);
      read_.erase(0, end + 2);
      return one;
    }
    char some[4096];
    const auto n = ::recv(socket_, some, sizeof some, 0);
    if (n <= 0)
      throw std::runtime_error{"nats-server has gone"};
    read_.append(some, static_cast<std::size_t>(n));
  }
}

std::string nats_wire::bytes(std::size_t n) {
  while (read_.size() < n) {
    char some[4096];
    const auto got = ::recv(socket_, some, sizeof some, 0);
    if (got <= 0)
      throw std::runtime_error{"nats-server has gone"};
    read_.append(some, static_cast<std::size_t>(got));
  }
  auto all = read_.substr(0, n);
  read_.erase(0, n);
  return all;
}

} // namespace hubbub::test
