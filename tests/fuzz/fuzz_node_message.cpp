#include "broker/protocol.hpp"
#include "cluster/base64.hpp"
#include "cluster/node_message.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>

/// Whatever comes from another node is none of its messages, or events as `broker::event` demands that say
/// the same when they are sent on.
namespace {

using namespace hubbub;

void demand(bool holds, const char* what) {
  if (holds)
    return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

bool is_label_or_empty(const std::string& text) { return text.empty() || broker::protocol::is_label(text); }

void check(const broker::stored_event& e) {
  demand(!e.event_id.empty() && broker::protocol::is_label(e.event_id), "no id");
  demand(is_label_or_empty(e.type) && is_label_or_empty(e.key), "no label");
  demand(e.time_ms >= 0, "before 1970");
  if (e.encoding == broker::data_encoding::base64)
    demand(cluster::is_base64(e.data), "no base64");
  else
    demand(broker::protocol::is_json(e.data) && e.data.find_first_of("\r\n") == e.data.npos, "no JSON");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto room = broker::room_name::parse("live.1").value();
  auto b = cluster::decode_live({reinterpret_cast<const char*>(data), size}, room);
  if (!b)
    return 0;
  std::erase(b->events, nullptr);
  for (const auto& e : b->events)
    check(*e);
  const auto again = cluster::decode_live(cluster::encode_live(*b), room);
  demand(again && again->events.size() == b->events.size() && again->first == b->first, "not the same again");
  for (std::size_t i = 0; i < b->events.size(); ++i)
    demand(again->events[i] && again->events[i]->data == b->events[i]->data &&
               again->events[i]->from == b->events[i]->from,
           "not the same event again");
  return 0;
}
