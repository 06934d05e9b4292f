#pragma once

#include "broker/command.hpp"
#include "broker/errc.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace hubbub::broker::protocol {

struct resume_bounds {
  std::size_t epoch_bytes = 0;
  std::size_t info_bytes = 0;
  std::uint32_t depth = 0;
};

/// Reads what a `resume` says of its rooms: `{name: {epoch, offset, presence?, info?}}`, JSON that was
/// checked already. Refused as a command's field is, with a message that names the member.
[[nodiscard]] result<std::vector<resume_room>> read_resume_rooms(std::string_view json,
                                                                 const resume_bounds& bounds);

} // namespace hubbub::broker::protocol
