#pragma once

#include "broker/errc.hpp"

#include <string>

namespace hubbub::daemon {

/// All of a file of at most `most` bytes. Refused with `unavailable` and a sentence without the file's name.
[[nodiscard]] broker::result<std::string> read_file_text(const std::string& name,
                                                         std::size_t most = 1'048'576);

} // namespace hubbub::daemon
