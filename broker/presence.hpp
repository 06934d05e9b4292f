#pragma once

#include "broker/clock.hpp"
#include "broker/policy.hpp"
#include "broker/presence_view.hpp"
#include "broker/roster_part.hpp"
#include "broker/session_id.hpp"
#include "broker/session_map.hpp"

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
  /// everybody again, and the readers get a reset. `rules` must outlive it.
  roster(room_name room, const policy& rules, std::uint64_t seed = 0);
  roster(room_name room, const policy&& rules, std::uint64_t seed = 0) = delete;
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
  [[nodiscard]] milliseconds interval() const noexcept {
    return listing_ ? rules_.presence_interval : rules_.presence_interval * 5;
  }

  /// The present state, to be shared; the same object until something changes, or it rests.
  [[nodiscard]] std::shared_ptr<const presence_view> view();
  /// Nobody follows its changes at present: lets go of what only serves that, where it is soon made again.
  /// Whoever knows an earlier version gets a reset from the next view.
  void rest() noexcept;

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
  using owner_table = std::unordered_map<owner_id, owner_people>;
  using user_set = std::unordered_set<std::string>;
  /// People by user: chains that are their own, so that the first few need nothing but themselves.
  class person_table {
  public:
    person_table() noexcept;
    ~person_table();
    person_table(const person_table&) = delete;
    person_table& operator=(const person_table&) = delete;

    [[nodiscard]] person* find(std::string_view user) const noexcept;
    void add(std::unique_ptr<person> p);
    void erase(const person& p) noexcept;
    template <class F>
    void for_each(F f) const;
    [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

  private:
    [[nodiscard]] static std::uint32_t hash_of(std::string_view user) noexcept;
    [[nodiscard]] std::unique_ptr<person>* chains() noexcept { return many_ ? many_.get() : &few_; }
    [[nodiscard]] const std::unique_ptr<person>* chains() const noexcept {
      return many_ ? many_.get() : &few_;
    }
    void link(std::unique_ptr<person> p) noexcept;
    void grow();

    std::unique_ptr<person> few_;
    std::unique_ptr<std::unique_ptr<person>[]> many_;
    std::uint32_t mask_ = 0;
    std::uint32_t size_ = 0;
  };
  /// What is told of the members.
  struct telling {
    member_list members;
    roster_steps steps;
    std::shared_ptr<const presence_view> view;
  };

  person& add(member_ptr seen);
  /// What this node has of a person.
  void set_own(person& p, member_ptr now);
  void end_own(person& p);
  void note_change(std::string_view user);
  /// What another node has of one.
  void put_other(owner_id owner, const member& m);
  void erase_other(owner_id owner, std::string_view user);
  void set_unnamed(owner_people& of, std::uint32_t now);
  /// The number of those who are not named has changed.
  void count_others();
  [[nodiscard]] static member_ptr sum_of(const person& p);
  /// Shows what all nodes together have of a person; nothing: it is removed.
  void merge(person& p);
  [[nodiscard]] bool names_own() const noexcept;
  void start_lingering(person& p, steady_time until);
  void stop_lingering(person& p) noexcept;
  void count_step(member_ptr before, member_ptr after);
  [[nodiscard]] bool fits() const noexcept;
  /// Made anew after a rest, without steps.
  telling& awake();

  const room_name room_;
  /// What it needs of the policy, which outlives it.
  const policy& rules_;
  std::uint64_t version_;
  std::size_t bytes_ = 0;
  std::size_t own_bytes_ = 0;
  std::uint32_t own_count_ = 0;
  /// People that other nodes count and do not name.
  std::uint32_t unnamed_ = 0;
  bool listing_;

  // What the other nodes are to be told.
  bool sharing_ = false;
  bool told_all_ = false;
  bool told_names_ = false;
  std::uint32_t told_count_ = 0;
  /// Null: nothing has changed.
  std::unique_ptr<user_set> changed_;

  /// Null: no other node has told of anybody.
  std::unique_ptr<owner_table> owners_;
  person_table people_;
  session_map<person*> sessions_;
  // Those that linger; the time never shrinks, so the first goes first.
  person* first_lingering_ = nullptr;
  person* last_lingering_ = nullptr;

  /// Null: it rests.
  std::unique_ptr<telling> telling_;
};

} // namespace hubbub::broker
