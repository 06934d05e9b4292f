#include "broker/daemon/config_load.hpp"

namespace hubbub::daemon {

problems refused_changes(const config& running, const config& next) {
  problems out;
  const auto fixed = [&out](std::string_view key, const auto& was, const auto& is) {
    if (was != is)
      out.push_back(std::string{key} + ": cannot change while the node runs; restart it");
  };
  fixed("server.listen", running.server.listen, next.server.listen);
  fixed("server.admin", running.server.admin, next.server.admin);
  fixed("server.loops", running.server.loops, next.server.loops);
  fixed("server.workers", running.server.workers, next.server.workers);
  fixed("server.node", running.server.node, next.server.node);
  fixed("server.data_dir", running.server.data_dir, next.server.data_dir);
  fixed("server.dev", running.server.dev, next.server.dev);
  fixed("nats.url", running.nats.url, next.nats.url);
  fixed("nats.prefix", running.nats.prefix, next.nats.prefix);
  fixed("log.sync", running.log.sync, next.log.sync);

  // A live room has no log and a retained one has: neither becomes the other under its readers.
  const auto same_kind = [&](const std::string& space) {
    if (running.namespaces.of(space).kind != next.namespaces.of(space).kind)
      out.push_back("namespace." + space + ".kind: cannot change while the node runs; restart it");
  };
  if (running.namespaces.fallback().kind != next.namespaces.fallback().kind)
    out.emplace_back("namespace.default.kind: cannot change while the node runs; restart it");
  for (const auto& [space, p] : running.namespaces.declared())
    same_kind(space);
  for (const auto& [space, p] : next.namespaces.declared())
    if (!running.namespaces.is_declared(space))
      same_kind(space);
  return out;
}

} // namespace hubbub::daemon
