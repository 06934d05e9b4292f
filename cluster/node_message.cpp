#include "cluster/node_message.hpp"

#include "broker/protocol.hpp"
#include "cluster/base64.hpp"
#include "cluster/messages.capnp.h"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <algorithm>
#include <cstring>
#include <exception>

namespace hubbub::cluster {
namespace {

namespace json = broker::protocol;

constexpr std::uint16_t schema_version = 1;
constexpr int deepest = 8;
constexpr std::size_t longest_name = 256;
constexpr std::size_t longest_user = 512;

kj::StringPtr text(const std::string& s) { return {s.c_str(), s.size()}; }
std::string_view view(capnp::Text::Reader t) { return {t.begin(), t.size()}; }

/// Valid UTF-8 without control characters, as it may stand in a frame?
bool is_text(std::string_view t) {
  std::string quoted{'"'};
  for (const auto c : t)
    quoted.push_back(c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ' ? '.' : c);
  return json::is_json(quoted.append(1, '"'));
}

/// Empty, or a label?
bool take_label(capnp::Text::Reader from, std::string& to) {
  const auto t = view(from);
  if (t.empty())
    return true;
  if (!json::is_label(t))
    return false;
  to = t;
  return true;
}

bool take_data(wire::Event::Reader from, broker::event& to) {
  const auto bytes = from.getData().asChars();
  const std::string_view data{bytes.begin(), bytes.size()};
  switch (from.getEncoding()) {
  case wire::Encoding::JSON:
    if (!json::is_json(data) || data.find('\n') != data.npos || data.find('\r') != data.npos)
      return false;
    to.encoding = broker::data_encoding::json;
    break;
  case wire::Encoding::BASE64:
    if (!is_base64(data))
      return false;
    to.encoding = broker::data_encoding::base64;
    break;
  default: // of a newer node
    return false;
  }
  to.data = data;
  return true;
}

std::shared_ptr<broker::stored_event> event_from(wire::Event::Reader from, const broker::room_name& room) {
  auto e = std::make_shared<broker::stored_event>();
  e->room = room;
  const auto user = view(from.getFrom());
  if (!take_data(from, *e) || !take_label(from.getType(), e->type) || !take_label(from.getKey(), e->key) ||
      !take_label(from.getEventId(), e->event_id) || e->event_id.empty() || user.size() > longest_user ||
      !is_text(user))
    return nullptr;
  e->from = user;
  e->time_ms = std::max<std::int64_t>(from.getTime(), 0);
  e->excluded.value = from.getExcluded();
  return e;
}

std::optional<live_batch> batch_from(kj::ArrayPtr<const capnp::word> words, const broker::room_name& room) {
  capnp::ReaderOptions limits;
  // Each word once, and some more than once where a reader looks twice.
  limits.traversalLimitInWords = words.size() * 4 + 1024;
  limits.nestingLimit = deepest;
  capnp::FlatArrayMessageReader message{words, limits};
  const auto root = message.getRoot<wire::NodeMessage>();
  if (root.which() != wire::NodeMessage::LIVE_EVENTS)
    return std::nullopt;
  const auto live = root.getLiveEvents();
  live_batch b;
  b.node = view(live.getNode());
  b.incarnation = view(live.getIncarnation());
  b.first = live.getFirst();
  const auto events = live.getEvents();
  if (b.incarnation.empty() || b.incarnation.size() > longest_name || b.node.size() > longest_name ||
      events.size() > most_events_in_batch || b.first == 0 || b.first > UINT64_MAX - events.size())
    return std::nullopt;
  b.events.reserve(events.size());
  for (const auto e : events)
    b.events.push_back(event_from(e, room));
  return b;
}

} // namespace

std::string encode_live(const live_batch& b) {
  std::size_t bytes = 1024;
  for (const auto& e : b.events)
    bytes += broker::most_frame_bytes(*e);
  capnp::MallocMessageBuilder message{static_cast<capnp::uint>(bytes / sizeof(capnp::word))};
  auto root = message.initRoot<wire::NodeMessage>();
  root.setSchema(schema_version);
  auto live = root.initLiveEvents();
  live.setNode(text(b.node));
  live.setIncarnation(text(b.incarnation));
  live.setFirst(b.first);
  auto events = live.initEvents(static_cast<capnp::uint>(b.events.size()));
  for (capnp::uint i = 0; i < events.size(); ++i) {
    const auto& e = *b.events[i];
    auto to = events[i];
    to.setType(text(e.type));
    to.setData({reinterpret_cast<const capnp::byte*>(e.data.data()), e.data.size()});
    to.setEncoding(e.encoding == broker::data_encoding::base64 ? wire::Encoding::BASE64
                                                               : wire::Encoding::JSON);
    to.setEventId(text(e.event_id));
    to.setKey(text(e.key));
    to.setFrom(text(e.from));
    to.setTime(e.time_ms);
    to.setExcluded(e.excluded.value);
  }
  const auto words = capnp::messageToFlatArray(message);
  const auto flat = words.asChars();
  return {flat.begin(), flat.size()};
}

std::optional<live_batch> decode_live(std::string_view bytes, const broker::room_name& room) noexcept {
  if (bytes.empty() || bytes.size() % sizeof(capnp::word) != 0)
    return std::nullopt;
  try {
    const auto count = bytes.size() / sizeof(capnp::word);
    // NATS promises no alignment and Cap'n Proto demands it, so copy when unlucky.
    if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(capnp::word) == 0)
      return batch_from({reinterpret_cast<const capnp::word*>(bytes.data()), count}, room);
    auto copy = kj::heapArray<capnp::word>(count);
    std::memcpy(copy.begin(), bytes.data(), bytes.size());
    return batch_from(copy, room);
  } catch (const kj::Exception&) {
    return std::nullopt;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

} // namespace hubbub::cluster
