#pragma once

#include "broker/errc.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hubbub::daemon {

/// An origin as browsers write it (`https://app.example.com:8443`): lower case, without the
/// scheme's own port. Nothing when `text` is not exactly a scheme (http or https), a host and
/// perhaps a port; `null` is none.
[[nodiscard]] std::optional<std::string> normal_origin(std::string_view text);

/// Is `host` (a Host header, perhaps with a port) a name that always means this machine?
[[nodiscard]] bool is_loopback_host(std::string_view host);

/// Which web pages may talk to this node. Both listeners ask it at each request. Any thread.
class origin_rules {
public:
  /// Dev mode trusts only names of this machine, or any web page could drive a developer's node
  /// (with a Host of its own even past the browser's same-origin rule). `allowed` are normal origins.
  origin_rules(bool dev, std::vector<std::string> allowed) : dev_{dev}, allowed_{std::move(allowed)} {}

  /// `ok`, or `forbidden` with a sentence. Programs send no Origin: it is empty then.
  [[nodiscard]] broker::refusal check(std::string_view origin, std::string_view host) const;

  /// May a token in a cookie count? Browsers send cookies along for any page, so only pages that
  /// are allowed by name may use one.
  [[nodiscard]] bool cookie_counts(std::string_view origin) const;

private:
  [[nodiscard]] bool listed(std::string_view origin) const;

  bool dev_;
  std::vector<std::string> allowed_;
};

} // namespace hubbub::daemon
