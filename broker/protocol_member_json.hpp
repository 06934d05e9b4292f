#pragma once

#include "broker/json_writer.hpp"
#include "broker/push.hpp"

#include <vector>

namespace hubbub::broker::protocol {

/// Appends `[{user, user_info?, info?, connections}…]`.
inline void write_members(json_writer& to, const std::vector<member>& members) {
  to.put("[");
  std::string_view comma;
  for (const auto& m : members) {
    to.put(comma).put("{\"user\":").text(m.user);
    if (!m.user_info.empty())
      to.put(",\"user_info\":").put(m.user_info);
    if (!m.info.empty())
      to.put(",\"info\":").put(m.info);
    to.put(",\"connections\":").number(m.connections).put("}");
    comma = ",";
  }
  to.put("]");
}

} // namespace hubbub::broker::protocol
