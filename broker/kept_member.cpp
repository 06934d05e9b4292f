#include "broker/kept_member.hpp"

#include <cassert>
#include <memory>
#include <new>
#include <string>

namespace hubbub::broker {

member_ptr kept_member::make(std::string_view user, std::string_view user_info, std::string_view info,
                             std::uint32_t connections) {
  assert(user.size() <= UINT32_MAX && user_info.size() <= UINT32_MAX && info.size() <= UINT32_MAX);
  auto* place = ::operator new(sizeof(kept_member) + user.size() + user_info.size() + info.size());
  return member_ptr{new (place) kept_member{user, user_info, info, connections}};
}

kept_member::kept_member(std::string_view user, std::string_view user_info, std::string_view info,
                         std::uint32_t connections) noexcept
    : connections_{connections},
      user_{static_cast<std::uint32_t>(user.size())},
      user_info_{static_cast<std::uint32_t>(user_info.size())},
      info_{static_cast<std::uint32_t>(info.size())} {
  auto* to = reinterpret_cast<char*>(this + 1);
  to += user.copy(to, user.size());
  to += user_info.copy(to, user_info.size());
  info.copy(to, info.size());
}

void kept_member::end(const kept_member* m) noexcept {
  std::destroy_at(m);
  ::operator delete(const_cast<kept_member*>(m));
}

member kept_member::copy() const {
  return {std::string{user()}, std::string{user_info()}, std::string{info()}, connections_};
}

bool kept_member::operator==(const kept_member& other) const noexcept {
  return connections_ == other.connections_ && user() == other.user() && user_info() == other.user_info() &&
         info() == other.info();
}

} // namespace hubbub::broker
