#pragma once

#include "broker/clock.hpp"
#include "broker/errc.hpp"
#include "broker/revocations.hpp"
#include "broker/revoked_list.hpp"
#include "broker/supervisor.hpp"

#include <memory>
#include <string>

namespace hubbub::cluster {

/// The revocations of a node without others. With a data directory, which the log holds already, they are in
/// `revocations.db` there and survive a restart; otherwise in `list` alone. All that is kept is in `list`
/// when this returns; waits for the disk. `answers` is told of what breaks in its thread; null: nobody is.
/// `list`, `time` and `answers` must outlive what is returned.
[[nodiscard]] broker::result<std::unique_ptr<broker::revocations>>
open_embedded_revocations(const std::string& data_dir, broker::revoked_list& list, const broker::clock& time,
                          broker::supervisor* answers = nullptr);

} // namespace hubbub::cluster
