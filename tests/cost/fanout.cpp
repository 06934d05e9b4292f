// The way of an event from its publisher's frame to 1,000 readers' sockets, with neither sockets nor threads,
// so that its instructions can be counted:
//
//   fanout <events in a batch> <batches>
//
// prints how many frames were delivered.
#include "actors/actor_node.hpp"
#include "broker/clock.hpp"
#include "broker/metrics.hpp"
#include "cluster/embedded_bus.hpp"
#include "tests/support/swallowing_connection.hpp"

#include <caf/scheduler/test_coordinator.hpp>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

using namespace hubbub;

namespace {

constexpr std::size_t readers = 1000;

class still_loop final : public broker::loop {
public:
  explicit still_loop(const broker::clock& time) : time_{time} {}
  void wake() noexcept override {}
  [[nodiscard]] bool on_this_thread() const noexcept override { return true; }
  [[nodiscard]] std::uint32_t index() const noexcept override { return 0; }
  [[nodiscard]] broker::steady_time now() const noexcept override { return time_.now(); }

private:
  const broker::clock& time_;
};

struct client {
  client(actors::actor_node& node, broker::loop& loop) : handler{node.acceptor().admit({}, loop)->handler} {
    handler->on_open(wire);
  }
  ~client() { handler->on_closed(); }
  tests::swallowing_connection wire;
  std::shared_ptr<broker::connection_handler> handler;
};

} // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "fanout <events in a batch> <batches>\n";
    return 2;
  }
  const auto events = std::atoi(argv[1]);
  const auto batches = std::atoi(argv[2]);

  broker::manual_clock time;
  broker::limits bounds;
  bounds.commands_per_second = 0;
  broker::null_log log;
  broker::metrics metrics{1};
  broker::policy open;
  open.anyone = broker::right::join | broker::right::publish;
  open.presence = broker::presence_mode::off;
  const broker::namespaces spaces{open};
  const auto bus = std::move(*cluster::open_embedded_bus({}, spaces, time));
  still_loop loop{time};
  actors::actor_node::settings how;
  how.scheduler = "testing";
  how.anonymous = true;
  how.node = "cost";
  how.version = "0";
  actors::actor_node node{std::move(how), {&loop}, *bus, spaces, bounds, time, log, metrics};
  auto& phases = node.phases(0);
  const auto turn = [&phases] {
    do {
      phases.decide();
      phases.send_news();
    } while (phases.wants_another());
  };

  std::vector<std::unique_ptr<client>> all;
  for (std::size_t i = 0; i < readers; ++i) {
    all.push_back(std::make_unique<client>(node, loop));
    all.back()->handler->on_message(R"({"op":"join","id":1,"room":"chat.many"})");
  }
  client publisher{node, loop};
  turn();

  std::string batch = "[";
  for (auto i = 0; i < events; ++i)
    batch += (i == 0 ? "" : ",") +
             std::string{R"({"op":"publish","id":1,"room":"chat.many","type":"m","data":")"} +
             std::string(128, 'x') + "\"}";
  batch += "]";
  for (auto i = 0; i < batches; ++i) {
    publisher.handler->on_message(batch);
    turn();
  }
  std::cout << node.context().loops.front()->sender().counts().frames.value() << '\n';
  all.clear();
  return 0;
}
