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
}

} // namespace hubbub::daemon
