#include "broker/daemon/config_draft.hpp"

// What the configuration knows and this version does not do yet. Each line goes
// when its feature comes.
namespace hubbub::daemon {

void check_unbuilt(config_draft& draft) {
  const auto& c = draft.value;
  const auto refuse = [&draft](bool asked, std::string_view key, std::string_view what) {
    if (asked)
      draft.complain(key, what);
  };
  constexpr std::string_view keys = "only HS256 tokens are built in yet; use auth.hs256_key_file";
  refuse(!c.auth.public_key_file.empty(), "auth.public_key_file", keys);
  refuse(!c.auth.jwks_file.empty(), "auth.jwks_file", keys);
  refuse(!c.auth.jwks_url.empty(), "auth.jwks_url", keys);

  // Nothing is lost without it, so that a file for later versions serves this one too.
  if (draft.given("drain.pace") || draft.given("drain.grace") || draft.given("drain.deadline"))
    draft.value.warnings.emplace_back(
        "[drain] has no effect in this version: a node that stops sends everybody away at once");

  const auto refuse_backend = [&](const std::string& space, const broker::policy& p) {
    const auto key = "namespace." + space + ".publish";
    refuse(p.publish == broker::publish_mode::via_backend && draft.given(key), key,
           "\"via_backend\" is not built in yet; use \"direct\" or \"off\"");
  };
  refuse_backend("default", draft.fallback);
  for (const auto& [name, p] : draft.policies)
    refuse_backend(name, p);
}

} // namespace hubbub::daemon
