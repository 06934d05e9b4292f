#pragma once

#include "broker/clock.hpp"
#include "broker/event_bus.hpp"
#include "cluster/embedded_bus.hpp"
#include "cluster/nats_bus.hpp"
#include "tests/cluster/nats_server.hpp"
#include "tests/cluster/temp_dir.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace hubbub::test {

/// A kind of bus that the conformance suite runs against. Another one joins by
/// a name in `kinds` and a case in `make_kit`.
class bus_kit {
public:
  virtual ~bus_kit() = default;
  /// Again after the first one was destroyed: what it kept, if it keeps anything.
  virtual std::unique_ptr<broker::event_bus> open(const broker::namespaces& spaces) = 0;
  /// Moves the time by which events grow old; does nothing where that goes by itself.
  virtual void advance(broker::milliseconds by) = 0;
  /// Does its log know of each room what was trimmed, and give ids by offset? JetStream can only show that
  /// nothing was.
  virtual bool is_exact() const noexcept { return true; }
};

class embedded_kit final : public bus_kit {
public:
  explicit embedded_kit(bool on_disk, cluster::embedded_options::sync_mode sync = {}) {
    options_.data_dir = on_disk ? dir_.path() : "";
    options_.sync = sync;
  }
  std::unique_ptr<broker::event_bus> open(const broker::namespaces& spaces) override {
    auto bus = cluster::open_embedded_bus(options_, spaces, time_);
    if (!bus)
      throw std::runtime_error{bus.error().message};
    return std::move(*bus);
  }
  void advance(broker::milliseconds by) override { time_.advance(by); }

  const std::string& dir() const noexcept { return dir_.path(); }

private:
  temp_dir dir_;
  cluster::embedded_options options_;
  broker::manual_clock time_;
};

/// A server of its own for each.
class nats_kit final : public bus_kit {
public:
  std::unique_ptr<broker::event_bus> open(const broker::namespaces& spaces) override {
    // Each namespace is a stream, so the tests' have to be declared.
    auto declared = spaces.declared();
    for (const auto* name : {"chat", "other"})
      declared.try_emplace(name, spaces.fallback());
    auto bus =
        cluster::open_nats_bus(options(), broker::namespaces{spaces.fallback(), declared}, time_, log_);
    if (!bus)
      throw std::runtime_error{bus.error().message};
    return std::move(*bus);
  }
  void advance(broker::milliseconds) override {}
  bool is_exact() const noexcept override { return false; }

private:
  cluster::nats_options options() const {
    cluster::nats_options o;
    o.servers = {server_.url()};
    return o;
  }
  nats_server server_;
  broker::system_clock time_;
  broker::null_log log_;
};

inline std::unique_ptr<bus_kit> make_kit(const std::string& kind) {
  using sync = cluster::embedded_options::sync_mode;
  if (kind == "memory")
    return std::make_unique<embedded_kit>(false);
  if (kind == "sqlite, full")
    return std::make_unique<embedded_kit>(true, sync::full);
  if (kind == "sqlite, normal")
    return std::make_unique<embedded_kit>(true, sync::normal);
  if (kind == "jetstream")
    return std::make_unique<nats_kit>();
  throw std::runtime_error{"no such kind of bus: " + kind};
}

/// For Catch's GENERATE: those whose time a test can move, and all.
inline std::vector<std::string> timed_kinds() { return {"memory", "sqlite, full", "sqlite, normal"}; }
inline std::vector<std::string> kinds() {
  auto all = timed_kinds();
  all.push_back("jetstream");
  return all;
}

} // namespace hubbub::test
