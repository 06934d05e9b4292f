#include "cluster/stream_note.hpp"

#include "cluster/nats_message.hpp"

namespace hubbub::cluster {
namespace {

constexpr std::string_view ours = "hubbub ";

/// What stands behind ` <name>=`, up to the next blank.
std::string_view value_of(std::string_view text, std::string_view name) {
  const auto at = text.find(name);
  if (at == text.npos)
    return {};
  text.remove_prefix(at + name.size());
  return text.substr(0, text.find(' '));
}

} // namespace

std::string stream_note::str() const {
  return std::string{ours} + "generation=" + std::to_string(generation) + " policy=" + policy +
         " raised=" + std::to_string(raised) + " life=" + life + (id.empty() ? "" : " id=" + id);
}

std::optional<stream_note> stream_note::parse(std::string_view text) {
  if (!text.starts_with(ours))
    return std::nullopt;
  stream_note n;
  n.generation = number_in(value_of(text, " generation="));
  n.policy = value_of(text, " policy=");
  n.raised = number_in(value_of(text, " raised="));
  n.life = value_of(text, " life=");
  n.id = value_of(text, " id=");
  return n;
}

} // namespace hubbub::cluster
