#include "broker/presence_view.hpp"
#include "broker/protocol.hpp"

namespace hubbub::broker {

std::shared_ptr<const std::string> presence_view::encode(std::uint64_t from) const {
  auto change = since(from);
  if (!change)
    return nullptr;
  auto text = std::make_shared<std::string>();
  protocol::encode_presence(*text, *change);
  return text;
}

std::shared_ptr<const std::string> presence_view::text_since(std::uint64_t from) const {
  if (from == state_.version)
    return nullptr;
  // Where only the count is told, all readers are told the same.
  auto* shared = !state_.members || !bridged(from) ? &reset_ : from == state_.previous ? &step_ : nullptr;
  if (!shared)
    return encode(from);
  std::call_once(shared->once, [&] { shared->text = encode(from); });
  return shared->text;
}

} // namespace hubbub::broker
