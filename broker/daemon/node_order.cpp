#include "broker/daemon/node_order.hpp"

#include "broker/room_name.hpp"

#include <simdjson.h>

#include <optional>
#include <utility>

namespace hubbub::daemon {
namespace {

using broker::errc;
using broker::refusal;

refusal wrong_node(bool may_mean_all) {
  return {errc::bad_command, may_mean_all ? "field `node` must name a node, or `all` be true"
                                          : "field `node` must name the node that is meant: all at once "
                                            "is not possible"};
}

} // namespace

broker::result<node_order> node_order::parse(std::string_view json, bool may_mean_all) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(json.data(), json.size()).get_object().get(object) != simdjson::SUCCESS)
    return refusal{errc::bad_frame, "the order is not a JSON object"};
  std::optional<simdjson::dom::element> node, all;
  for (auto [name, value] : object) {
    auto* slot = name == "node" ? &node : name == "all" ? &all : nullptr;
    if (slot && std::exchange(*slot, value))
      return refusal{errc::bad_command, "field `" + std::string{name} + "` is there more than once"};
  }
  if (node.has_value() == all.has_value())
    return wrong_node(may_mean_all);
  auto everybody = false;
  if (all)
    return may_mean_all && all->get_bool().get(everybody) == simdjson::SUCCESS && everybody
               ? broker::result<node_order>{node_order{}}
               : wrong_node(may_mean_all);
  std::string_view name;
  if (node->get_string().get(name) != simdjson::SUCCESS || !broker::is_namespace_name(name))
    return wrong_node(may_mean_all);
  return node_order{std::string{name}};
}

} // namespace hubbub::daemon
