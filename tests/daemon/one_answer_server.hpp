#pragma once

#include "tests/support/catch.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

namespace hubbub::daemon::test {

/// Listens on a free port of 127.0.0.1, takes one request, gives one answer.
class one_answer_server {
public:
  one_answer_server(int status, std::string body) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
    REQUIRE(listen(listener_, 1) == 0);
    socklen_t size = sizeof at;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    address_ = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
    thread_ = std::thread{[this, status, body = std::move(body)] { serve(status, body); }};
  }
  ~one_answer_server() {
    shutdown(listener_, SHUT_RDWR); // ends an accept that nobody came to
    if (thread_.joinable())
      thread_.join();
    close(listener_);
  }
  one_answer_server(const one_answer_server&) = delete;
  one_answer_server& operator=(const one_answer_server&) = delete;

  [[nodiscard]] const std::string& address() const { return address_; }
  /// All of the request, once it was answered.
  std::string request() {
    thread_.join();
    return request_;
  }

private:
  void serve(int status, const std::string& body) {
    const int s = accept(listener_, nullptr, nullptr);
    char part[4096];
    while (s >= 0 && !complete()) {
      const auto n = recv(s, part, sizeof part, 0);
      if (n <= 0)
        break;
      request_.append(part, static_cast<std::size_t>(n));
    }
    const auto answer = "HTTP/1.1 " + std::to_string(status) +
                        " x\r\nContent-Length: " + std::to_string(body.size()) +
                        "\r\nConnection: close\r\n\r\n" + body;
    (void)send(s, answer.data(), answer.size(), MSG_NOSIGNAL);
    close(s);
  }
  [[nodiscard]] bool complete() const {
    const auto head = request_.find("\r\n\r\n");
    const auto length = request_.find("Content-Length: ");
    return head != std::string::npos && length != std::string::npos &&
           request_.size() >= head + 4 + std::stoul(request_.substr(length + 16));
  }

  int listener_ = -1;
  std::string address_;
  std::string request_;
  std::thread thread_;
};

} // namespace hubbub::daemon::test
