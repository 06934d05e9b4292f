#pragma once

#include "broker/daemon/admin_api.hpp"
#include "cluster/embedded_revocations.hpp"
#include "tests/actors/actor_fixture.hpp"

#include <string>
#include <utility>
#include <vector>

namespace hubbub::tests {

/// The admin API before a node without sockets and threads.
class admin_fixture : public actor_fixture {
public:
  static constexpr const char* key = "a-secret-of-the-operators";

  daemon::origin_rules origins{false, {}};
  bool serving = true;
  int drains = 0;
  std::unique_ptr<broker::revocations> revocations =
      std::move(*cluster::open_embedded_revocations({}, revoked, time));
  daemon::admin_api api{parts(*bus)};

  [[nodiscard]] daemon::admin_api::parts parts(broker::event_bus& over) {
    return {*node,
            over,
            metrics,
            origins,
            daemon::admin_keys{{key}, false},
            "n1",
            false,
            [this] { return serving; },
            [this] { ++drains; },
            std::chrono::seconds{15},
            revocations.get()};
  }

  struct answer {
    unsigned status = 0;
    json body;
    broker::http_response whole;

    [[nodiscard]] std::string header(std::string_view name) const {
      for (const auto& [n, value] : whole.headers)
        if (n == name)
          return value;
      return {};
    }
  };

  [[nodiscard]] static broker::http_request request(std::string method, const std::string& target,
                                                    std::string body = {}) {
    broker::http_request r;
    r.method = std::move(method);
    r.path = target.substr(0, target.find('?'));
    if (r.path.size() < target.size())
      r.query = target.substr(r.path.size() + 1);
    r.authorization = std::string{"Bearer "} + key;
    r.host = "localhost:8081";
    r.body = std::move(body);
    return r;
  }

  /// Asks without waiting: what comes is put into `to`, which must be there until then.
  static void send(daemon::admin_api& api, broker::http_request r, std::vector<answer>& to) {
    api.handle(std::move(r), [&to](broker::http_response whole) {
      answer a;
      a.status = whole.status;
      a.body = json::parse(whole.body, nullptr, false);
      a.whole = std::move(whole);
      to.push_back(std::move(a));
    });
  }
  answer ask(broker::http_request r) {
    std::vector<answer> came;
    send(api, std::move(r), came);
    settle();
    REQUIRE(came.size() == 1);
    return came.front();
  }
  answer get(const std::string& target) { return ask(request("GET", target)); }
  answer post(const std::string& target, const json& body) {
    return ask(request("POST", target, body.dump()));
  }
  answer publish(const std::string& room, const json& data) {
    return post("/v1/publish", {{"room", room}, {"type", "message"}, {"data", data}});
  }
};

} // namespace hubbub::tests
