#pragma once

#include "broker/push.hpp"

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hubbub::broker {

class kept_member;
/// One person as shown at some version.
using member_ptr = boost::intrusive_ptr<const kept_member>;

/// A member in one block of memory, shared. Never changed; any thread.
class kept_member {
public:
  /// Texts may be as long as a part between nodes lets them be: less than 4 GB.
  [[nodiscard]] static member_ptr make(std::string_view user, std::string_view user_info,
                                       std::string_view info, std::uint32_t connections);
  [[nodiscard]] static member_ptr make(const member& m) {
    return make(m.user, m.user_info, m.info, m.connections);
  }
  kept_member(const kept_member&) = delete;
  kept_member& operator=(const kept_member&) = delete;

  [[nodiscard]] std::string_view user() const noexcept { return {texts(), user_}; }
  [[nodiscard]] std::string_view user_info() const noexcept { return {texts() + user_, user_info_}; }
  [[nodiscard]] std::string_view info() const noexcept { return {texts() + user_ + user_info_, info_}; }
  [[nodiscard]] std::uint32_t connections() const noexcept { return connections_; }
  /// Of all its texts.
  [[nodiscard]] std::size_t bytes() const noexcept { return std::size_t{user_} + user_info_ + info_; }

  [[nodiscard]] member copy() const;
  bool operator==(const kept_member& other) const noexcept;

private:
  kept_member(std::string_view user, std::string_view user_info, std::string_view info,
              std::uint32_t connections) noexcept;
  // The texts lie behind it, one after the other.
  [[nodiscard]] const char* texts() const noexcept { return reinterpret_cast<const char*>(this + 1); }

  friend void intrusive_ptr_add_ref(const kept_member* m) noexcept {
    m->owners_.fetch_add(1, std::memory_order_relaxed);
  }
  friend void intrusive_ptr_release(const kept_member* m) noexcept {
    if (m->owners_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      end(m);
  }
  static void end(const kept_member* m) noexcept;

  mutable std::atomic<std::uint32_t> owners_{0};
  const std::uint32_t connections_;
  const std::uint32_t user_;
  const std::uint32_t user_info_;
  const std::uint32_t info_;
};

} // namespace hubbub::broker
