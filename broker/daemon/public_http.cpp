#include "broker/daemon/public_http.hpp"

#include "broker/daemon/http_answer.hpp"
#include "broker/daemon/page.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace hubbub::daemon {
namespace {

constexpr std::array<std::string_view, 3> not_yet{"/v1/sse", "/v1/poll", "/v1/publish"};

} // namespace

void public_http::handle(broker::http_request request, std::function<void(broker::http_response)> done) {
  done(answer(request));
}

broker::http_response public_http::answer(const broker::http_request& request) const {
  if (auto why = origins_.check(request.origin, request.host); why.code != broker::errc::ok)
    return error_answer(why);
  if (std::ranges::find(not_yet, request.path) != not_yet.end())
    return not_built(request.path);
  const auto found = find(request.path);
  if (!found)
    return not_found();
  if (request.method != "GET" && request.method != "HEAD")
    return wrong_method("GET, HEAD");
  return *found;
}

std::optional<broker::http_response> public_http::find(const std::string& path) const {
  if (path == "/healthz")
    return status_answer("ok");
  if (page_)
    return answer_page(path, admin_url_);
  return std::nullopt;
}

} // namespace hubbub::daemon
