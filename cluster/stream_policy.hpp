#pragma once

#include "broker/policy.hpp"
#include "cluster/jetstream_api.hpp"
#include "cluster/jetstream_context.hpp"
#include "cluster/stream_note.hpp"

#include <memory>
#include <string>

namespace hubbub::cluster {

/// A namespace's policy as what its stream is to be like, and what this node may do about one that is
/// otherwise. Asks nobody and changes nothing. Any thread.
class stream_policy {
public:
  stream_policy(std::shared_ptr<const jetstream_context> with, std::string space,
                const broker::policy& rules);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& space() const noexcept { return space_; }
  [[nodiscard]] const broker::policy& rules() const noexcept { return rules_; }

  [[nodiscard]] js::stream_config wanted(const stream_note& note) const;
  /// Of a stream that is made now, without an id.
  [[nodiscard]] stream_note fresh_note() const;

  [[nodiscard]] bool is_republished(const js::stream_config& c) const;
  [[nodiscard]] std::string not_republished() const;

  /// What the configuration of a stream says.
  struct judgement {
    /// Why it can neither be used nor be put right; empty: it can.
    std::string unusable;
    /// A node with a newer policy has configured it.
    bool is_newer = false;
    /// Another node has, by another policy of the same generation.
    bool is_other = false;
    /// This policy has: what is otherwise was changed by somebody else.
    bool was_ours = false;
    /// What it bears; an empty one where hubbub wrote none.
    stream_note found;
    /// What it is to bear.
    stream_note right;

    /// It stays as it is, so what is wrong cannot be put right.
    [[nodiscard]] bool is_foreign() const noexcept { return is_newer || is_other; }
  };
  [[nodiscard]] judgement judge(const js::stream_info& i) const;

private:
  /// `ours`: this node may change what it takes, too.
  [[nodiscard]] std::string why_unusable(const js::stream_config& c, bool ours) const;

  const std::shared_ptr<const jetstream_context> with_;
  const std::string space_;
  const broker::policy rules_;
  const std::string name_;
};

} // namespace hubbub::cluster
