#pragma once

#include "cluster/jetstream_context.hpp"

#include <memory>
#include <string>

namespace hubbub::cluster {

/// Which answers to a publish count: those of the stream that is to keep it. Whoever else listens to its
/// subjects and answers is passed over, counted and logged. Any thread.
[[nodiscard]] std::shared_ptr<const nats_link::answer_filter>
acks_of(const std::shared_ptr<jetstream_context>& with, std::string stream);

} // namespace hubbub::cluster
