#include "cluster/nats_rosters.hpp"

#include "cluster/nats_link.hpp"
#include "cluster/roster_hub.hpp"
#include "cluster/subjects.hpp"

#include <utility>

namespace hubbub::cluster {
namespace {

class nats_interest final : public broker::roster_interest {
public:
  nats_interest(std::shared_ptr<roster_hub> hub, broker::room_name room, std::uint64_t life)
      : hub_{std::move(hub)}, room_{std::move(room)}, life_{life} {}
  ~nats_interest() override { hub_->end(room_, life_); }
  nats_interest(const nats_interest&) = delete;
  nats_interest& operator=(const nats_interest&) = delete;

  void tell(broker::roster_part own) override { hub_->tell(room_, life_, std::move(own)); }
  void answer(const broker::roster_asker& who, broker::roster_part all) override {
    hub_->answer(room_, life_, who, std::move(all));
  }

private:
  const std::shared_ptr<roster_hub> hub_;
  const broker::room_name room_;
  const std::uint64_t life_;
};

} // namespace

broker::result<std::unique_ptr<nats_rosters>> nats_rosters::open(const nats_options& options,
                                                                 const roster_options& how,
                                                                 const broker::clock& time,
                                                                 broker::log_sink& log) {
  auto to = named_link::open(options, log);
  if (!to)
    return to.error();
  auto hub =
      std::make_shared<roster_hub>(options.node, how, std::move(to->names), time, log, std::move(to->link));
  hub->start();
  return std::unique_ptr<nats_rosters>{new nats_rosters{std::move(hub)}};
}

nats_rosters::nats_rosters(std::shared_ptr<roster_hub> hub) : hub_{std::move(hub)} {}

nats_rosters::~nats_rosters() { hub_->close(); }

std::unique_ptr<broker::roster_interest>
nats_rosters::want(const broker::room_name& room, std::shared_ptr<broker::roster_bus_handler> handler) {
  const auto life = hub_->want(room, std::move(handler));
  return std::make_unique<nats_interest>(hub_, room, life);
}

std::vector<broker::other_node> nats_rosters::others() const {
  std::vector<broker::other_node> all;
  for (auto& n : nodes())
    all.push_back({std::move(n.name), n.started_ms, n.draining,
                   std::chrono::duration_cast<broker::milliseconds>(n.heard - n.since)});
  return all;
}

bool nats_rosters::knows_others() const { return hub_->knows_nodes(); }

std::vector<living_node> nats_rosters::nodes() const { return hub_->nodes(); }
broker::owner_id nats_rosters::self() const noexcept { return hub_->self(); }
void nats_rosters::occupy(const broker::room_name& room, bool here) { hub_->occupy(room, here); }
void nats_rosters::drain() { hub_->drain(); }
const roster_counters& nats_rosters::counters() const noexcept { return hub_->counters(); }

} // namespace hubbub::cluster
