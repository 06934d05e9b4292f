#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hubbub::cluster {

/// What hubbub keeps in a stream's description, where every node finds it and nobody else is disturbed:
/// `hubbub generation=1 policy=0a1b2c3d raised=0 life=0 id=Qv3Zk0ab`.
struct stream_note {
  /// Of the policy that the stream was configured by: only a newer one overwrites it.
  std::uint64_t generation = 0;
  /// A hash of that configuration: what differs from it was changed by somebody else.
  std::string policy;
  /// The last sequence when the rooms were last allowed more events, or somebody had taken some away: before
  /// it, a room with few events may have had more.
  std::uint64_t raised = 0;
  /// Changes when the log was set back: a part of its epoch.
  std::string life = "0";
  /// Which stream of that name it is: whoever makes one gives it another. Servers cannot be asked: where two
  /// nodes made a stream at once, they tell different times of its creation, and after a restart of one of
  /// them another than before (nats-server 2.9.10 and 2.11.4). Empty: hubbub did not make it.
  std::string id;

  [[nodiscard]] std::string str() const;
  /// None: `str` did not write it.
  [[nodiscard]] static std::optional<stream_note> parse(std::string_view text);

  bool operator==(const stream_note&) const = default;
};

} // namespace hubbub::cluster
