#pragma once

#include "broker/clock.hpp"
#include "broker/policy.hpp"
#include "broker/presence_view.hpp"
#include "broker/roster_part.hpp"
#include "broker/session_id.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace hubbub::broker {

/// Who is in one room. A person is a verified user with all its connections,
/// on whichever nodes they are, or one anonymous session. What is seen of it
/// (`shown`) has a version that rises by one with each visible change.
///
/// One thread at a time: wherever the room runs. Its views may go to any.
class roster {
public:
  /// `seed` is at least as high as any version that readers of this room were
  /// given before, so that one made anew after a crash never goes back; enter
  /// everybody again, and the readers get a reset.
  roster(room_name room, const policy& rules, std::uint64_t seed = 0);
  ~roster();
  roster(const roster&) = delete;
  roster& operator=(const roster&) = delete;

  /// A connection joins. `user` is the verified one; empty: anonymous, shown
  /// by its session. Of several connections' `info` the newest that is not empty is shown.
  void enter(session_id who, std::string_view user, std::string_view user_info, std::string_view info,
             steady_time now);
  /// A connection goes. The person's last one lingers: when the person enters
  /// again within the policy's `linger`, nobody hears of it; or within `at_least`, which never shrinks.
  /// `goes_on`: it is about to enter over another connection, so that it lingers even where nobody does.
  void leave(session_id who, steady_time now, milliseconds at_least = {}, bool goes_on = false);
  /// False: that session is not here.
  bool update(session_id who, std::string_view info);

  /// Lets go of those whose time to come back is over. When must it be called
  /// again? Nothing: nobody lingers.
  [[nodiscard]] std::optional<steady_time> expire(steady_time now);

  // -- other nodes

  /// Tells other nodes of its own people from now on: collects what `own_changes` returns.
  void share() noexcept { sharing_ = true; }
  /// What has changed of this node's own people since the last call, at first all of them; nothing: nothing
  /// has.
  [[nodiscard]] std::optional<roster_part> own_changes();
  /// All of this node's own people, to answer another node that asks; what `own_changes` would return is in
  /// it.
  [[nodiscard]] roster_part own() const;
  /// This node's own people, those that linger included.
  [[nodiscard]] std::uint32_t own_count() const noexcept { return own_count_; }
  /// What another node says of its people here.
  void hear(const roster_part& part);
  /// That node is gone, and its people with it, at once.
  void forget(owner_id owner);

  [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
  /// People on all nodes, those that linger included. Whoever is on several nodes counts once, unless one of
  /// them has so many that it does not name them.
  [[nodiscard]] std::uint32_t count() const noexcept {
    return static_cast<std::uint32_t>(people_.size()) + unnamed_;
  }
  /// Are members told, and not only their number?
  [[nodiscard]] bool tells_members() const noexcept { return listing_; }
  /// How long to collect changes before readers are told: the policy's
  /// `presence_interval`, five times that where only the count is told.
  [[nodiscard]] milliseconds interval() const noexcept { return listing_ ? interval_ : interval_ * 5; }

  /// The present state, to be shared; the same object until something changes.
  [[nodiscard]] std::shared_ptr<const presence_view> view();

  /// Above these bytes, as above `roster_max` people, only the count is told:
  /// a reset must fit into a connection's control lane.
  static constexpr std::size_t max_bytes = 196'608;

private:
  struct person;
  /// What another node has told.
  struct owner_people {
    std::unordered_set<std::string> users;
    /// Those that it counts and does not name.
    std::uint32_t unnamed = 0;
  };
  struct by_user {
    using is_transparent = void;
    std::size_t operator()(std::string_view user) const noexcept;
    std::size_t operator()(const std::unique_ptr<person>& p) const noexcept;
    bool operator()(const std::unique_ptr<person>& a, const std::unique_ptr<person>& b) const noexcept;
    bool operator()(const std::unique_ptr<person>& a, std::string_view b) const noexcept;
    bool operator()(std::string_view a, const std::unique_ptr<person>& b) const noexcept;
  };

  person& add(const member_ptr& seen);
  /// What this node has of a person.
  void set_own(person& p, const member& seen);
  void set_own(person& p, member_ptr now);
  void end_own(person& p);
  void note_change(const std::string& user);
  /// What another node has of one.
  void put_other(owner_id owner, const member& seen);
  void erase_other(owner_id owner, std::string_view user);
  void set_unnamed(owner_people& of, std::uint32_t now);
  /// The number of those who are not named has changed.
  void count_others();
  [[nodiscard]] static member sum_of(const person& p);
  /// Shows what all nodes together have of a person; nothing: it is removed.
  void merge(person& p);
  [[nodiscard]] bool names_own() const noexcept;
  void start_lingering(person& p, steady_time until) noexcept;
  void stop_lingering(person& p) noexcept;
  void count_step(member_ptr before, member_ptr after);
  [[nodiscard]] bool fits() const noexcept;

  room_name room_;
  presence_mode mode_;
  std::uint32_t roster_max_;
  milliseconds linger_;
  milliseconds interval_;
  std::uint64_t version_;
  bool listing_;
  std::size_t bytes_ = 0;

  std::unordered_map<owner_id, owner_people> owners_;
  /// People that other nodes count and do not name.
  std::uint32_t unnamed_ = 0;
  std::uint32_t own_count_ = 0;
  std::size_t own_bytes_ = 0;

  // What the other nodes are to be told.
  bool sharing_ = false;
  bool told_all_ = false;
  bool told_names_ = false;
  std::uint32_t told_count_ = 0;
  std::unordered_set<std::string> changed_;

  std::unordered_set<std::unique_ptr<person>, by_user, by_user> people_;
  std::unordered_map<session_id, person*> sessions_;
  // Those that linger; the time never shrinks, so the first goes first.
  person* first_lingering_ = nullptr;
  person* last_lingering_ = nullptr;

  member_list members_;
  roster_steps steps_;
  std::shared_ptr<const presence_view> view_;
};

} // namespace hubbub::broker
