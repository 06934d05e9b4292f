#include "actors/actor_node.hpp"
#include "broker/daemon/admin_api.hpp"
#include "broker/daemon/http_answer.hpp"
#include "broker/daemon/log_text.hpp"
#include "broker/json_writer.hpp"
#include "cluster/nats_options.hpp"

#include <string_view>
#include <utility>

namespace hubbub::daemon {
namespace {

using node_writer = broker::protocol::json_writer;

/// What an exception says of itself is not always UTF-8.
std::string quoted(std::string_view words) {
  std::string text;
  append_json_string(text, words);
  return text;
}

void write_waiting(node_writer& to, const std::vector<broker::supervisor::waiting>& all) {
  std::string_view comma;
  to.put(",\"waiting\":[");
  for (const auto& w : all) {
    to.put(comma).put("{\"child\":").put(quoted(w.child)).put(",\"until\":").number(w.until_ms);
    to.put(",\"waits\":").number(w.waits).put("}");
    comma = ",";
  }
  to.put("]");
}

/// All of it but the children, and without the closing brace. `size`: how many children it has.
void write_supervisor(node_writer& to, const broker::supervisor& s, std::size_t size) {
  const auto now = s.look();
  to.put("{\"name\":").text(s.name()).put(",\"strategy\":\"one_for_one\",\"status\":");
  to.text(now.gave_up ? "gave up" : "running").put(",\"since\":").number(now.since_ms);
  to.put(",\"size\":").number(size).put(",\"crashes\":").number(now.crashes);
  to.put(",\"restarts\":").number(now.restarts);
  to.put(",\"limits\":{\"of_child\":").number(now.limits.of_child);
  to.put(",\"of_all\":").number(now.limits.of_all);
  to.put(",\"within_ms\":").number(now.limits.within.count()).put("},\"last\":");
  if (now.last_ms == 0)
    to.put("null");
  else
    to.put("{\"child\":")
        .put(quoted(now.last_child))
        .put(",\"reason\":")
        .put(quoted(now.last_reason))
        .put(",\"time\":")
        .number(now.last_ms)
        .put("}");
  write_waiting(to, now.waiting_children);
}

/// A loop, or a node, in a list.
struct listed_node {
  std::string_view name;
  bool self;
  std::int64_t started_ms;
  std::int64_t since_ms;
  bool draining;
};

void write_node(node_writer& to, const listed_node& n) {
  to.put("{\"node\":").text_or_null(n.name).put(",\"self\":").boolean(n.self);
  to.put(",\"started\":").number(n.started_ms).put(",\"since\":").number(n.since_ms);
  to.put(",\"draining\":").boolean(n.draining).put("}");
}

void write_links(node_writer& to, cluster::link_counters& links) {
  std::string_view comma;
  to.put("{\"links\":[");
  for (const auto& link : links.look()) {
    to.put(comma).put("{\"server\":").text(link.server).put(",\"connected\":").boolean(link.connected);
    to.put(",\"lame_duck\":").boolean(link.lame_duck).put("}");
    comma = ",";
  }
  to.put("],\"lame_ducks\":").number(links.lame_ducks.load(std::memory_order_relaxed));
  to.put(",\"moves\":").number(links.moves.load(std::memory_order_relaxed)).put("}");
}

} // namespace

void admin_api::supervisors(admin_request&& r) {
  const auto& node = parts_.actors.context();
  const auto& tree = *node.supervision;
  std::string json;
  node_writer to{json};
  to.put("{\"node\":").text(parts_.node).put(",\"tree\":");
  write_supervisor(to, tree.node, 3 + node.loops.size());
  to.put(",\"children\":[");
  write_supervisor(to, tree.rooms, parts_.actors.rooms().size());
  to.put("},");
  write_supervisor(to, tree.connections, static_cast<std::size_t>(node.counts.connections.value()));
  to.put("},");
  // Each connection of a bus that has some, or the log.
  write_supervisor(to, tree.bus, parts_.links ? parts_.links->look().size() : 1);
  to.put("}");
  for (const auto* l : node.loops) {
    using std::chrono::microseconds;
    to.put(",{\"name\":").text("loop " + std::to_string(l->index()));
    to.put(",\"turns\":").number(l->loop().turns()).put(",\"lag_us\":");
    to.number(std::chrono::duration_cast<microseconds>(l->loop().lag()).count()).put("}");
  }
  to.put("]}}");
  r.done(json_answer(std::move(json)));
}

void admin_api::node(admin_request&& r) {
  const auto& node = parts_.actors.context();
  const auto started = node.supervision->node.look().since_ms;
  const auto now = node.time.unix_ms();
  const auto promise = parts_.bus.promises();
  std::string json;
  node_writer to{json};
  to.put("{\"node\":").text(parts_.node).put(",\"version\":").text(node.version);
  to.put(",\"log\":{\"storage\":").text(promise.storage).put(",\"sync\":").text(promise.sync);
  to.put(",\"replicas\":").number(promise.replicas).put(",\"promise\":").text(promise.sentence);
  to.put(",\"namespaces\":[");
  for (std::string_view comma; const auto& one : promise.namespaces) {
    to.put(comma).put("{\"namespace\":").text(one.name);
    to.put(",\"storage\":").text(one.storage).put(",\"replicas\":").number(one.replicas).put("}");
    comma = ",";
  }
  to.put("]},\"nats\":");
  if (parts_.links)
    write_links(to, *parts_.links);
  else
    to.put("null");
  to.put(",\"nodes\":[");
  write_node(to, {parts_.node, true, started, started, !parts_.serving()});
  if (node.rosters)
    for (const auto& other : node.rosters->others()) {
      to.put(",");
      write_node(to, {other.name, false, other.started_ms, now - other.heard_for.count(), other.draining});
    }
  to.put("]}");
  r.done(json_answer(std::move(json)));
}

} // namespace hubbub::daemon
