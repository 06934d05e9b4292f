#pragma once

#include "broker/clock.hpp"
#include "broker/supervisor.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hubbub::cluster {

/// How often the bus looks whether something was lost. The defaults are what `docs/protocol.md` promises;
/// tests make them shorter.
struct nats_intervals {
  /// After the last event of a burst a room's position is compared with the log's.
  broker::milliseconds burst{250};
  /// After noticed trouble (a reconnect, a slow consumer) every room was compared within this.
  broker::milliseconds trouble{1'000};
  /// Every room is compared at least that often, whatever happens.
  broker::milliseconds round{30'000};
  /// Between two canaries, and between two looks at each stream.
  broker::milliseconds canary{1'000};
  /// The bus is not well when no canary came back for so long.
  broker::milliseconds canary_late{3'000};
  /// Each stream's configuration is compared with the policy at least that often.
  broker::milliseconds configuration{60'000};
  /// A stream that was created so much later than before was made again, whatever is written on it. Nodes
  /// that make one at once do so within less.
  broker::milliseconds made_again{60'000};
  /// A connection whose server will end soon goes to another one at some moment within this. Servers cut off
  /// the first one after `lame_duck_grace_period`, ten seconds unless they are told otherwise.
  broker::milliseconds lame_duck{4'000};
};

/// One connection, as it is now.
struct link_state {
  /// The server that it is, or was last, connected to, without a password.
  std::string server;
  bool connected = false;
  /// That server has said that it will end soon.
  bool lame_duck = false;
};

/// What happened to all of a node's connections, and how they are, for operators. Any thread.
class link_counters {
public:
  /// A server said that it will end soon.
  std::atomic<std::uint64_t> lame_ducks{0};
  /// A connection went to another server for it.
  std::atomic<std::uint64_t> moves{0};

  /// Nothing: the connection is no more.
  using link_reader = std::function<std::optional<link_state>()>;
  void add(link_reader one) {
    std::lock_guard hold{mutex_};
    links_.push_back(std::move(one));
  }
  /// In the order in which they were opened.
  [[nodiscard]] std::vector<link_state> look() {
    std::vector<link_state> all;
    std::lock_guard hold{mutex_};
    std::erase_if(links_, [&all](const link_reader& read) {
      auto now = read();
      if (now)
        all.push_back(std::move(*now));
      return !now;
    });
    return all;
  }

private:
  std::mutex mutex_;
  std::vector<link_reader> links_;
};

/// What a message may have beside its payload.
inline constexpr std::uint32_t nats_headers_bytes = 4096;
/// The largest that nodes say to each other: events of live rooms, and who is in a room, go in parts that are
/// smaller.
inline constexpr std::uint32_t most_between_nodes = 320 << 10;

/// How to reach NATS, and what to keep there.
struct nats_options {
  /// `nats://host:port`, tried in turn.
  std::vector<std::string> servers;
  /// The file with a user's credentials; empty: none.
  std::string credentials;
  /// Files in PEM; empty: no authorities beside the system's, and no certificate of one's own. A file that is
  /// named demands TLS, too. A server's certificate must be for the name in its URL.
  struct tls_files {
    /// Of every server, also where its URL does not say `tls://`.
    bool required = false;
    std::string authorities;
    std::string certificate;
    std::string key;
  };
  tls_files tls;
  /// The first token of every subject: two installations can share a NATS. A namespace's grammar.
  std::string prefix = "hubbub";
  /// This node, as its connection is named in NATS' own lists.
  std::string node = "hubbub";
  /// How many servers keep each stream.
  std::uint32_t replicas = 1;
  /// The largest payload of an event.
  std::uint32_t payload_bytes = 65'536;
  /// Of the policies: only a node with a newer one changes a stream that another node has configured.
  std::uint64_t generation = 1;
  /// What takes longer is given up; the outcome of a publish is unknown then.
  broker::milliseconds timeout{2'000};
  nats_intervals every;
  /// Shared by all who were given a copy of these options.
  std::shared_ptr<link_counters> links = std::make_shared<link_counters>();
  /// For what breaks in the threads of the connection; outlives it. Null: it ends the process.
  broker::supervisor* answers = nullptr;
};

} // namespace hubbub::cluster
