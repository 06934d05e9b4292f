#include "broker/daemon/page.hpp"

#include "broker/daemon/http_answer.hpp"
#include "broker/json_writer.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace hubbub::daemon {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> content_types{{
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
}};

// `ws:` and `wss:` because not every browser counts a WebSocket to the same host as 'self'.
constexpr auto security_policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                                 "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; "
                                 "frame-ancestors 'none'";

} // namespace

std::optional<page_file> find_page(std::string_view path) {
  if (!path.starts_with('/'))
    return std::nullopt;
  const auto name = path == "/" ? std::string_view{"index.html"} : path.substr(1);
  const auto files = page_files();
  const auto file = std::ranges::find(files, name, &embedded_file::name);
  if (file == files.end())
    return std::nullopt;
  for (auto [ending, type] : content_types)
    if (name.ends_with(ending))
      return page_file{type, file->content, '"' + std::string{file->tag} + '"'};
  return std::nullopt;
}

std::optional<broker::http_response> answer_page(std::string_view path, std::string_view admin_url) {
  std::optional<broker::http_response> out;
  if (path == "/page.json") {
    std::string body;
    broker::protocol::json_writer{body}.put("{\"admin\":").text(admin_url).put("}");
    out = json_answer(std::move(body));
  } else if (auto file = find_page(path)) {
    out.emplace();
    out->content_type = file->content_type;
    out->body = file->body;
    out->headers.emplace_back("ETag", std::move(file->etag));
    out->headers.emplace_back("Content-Security-Policy", security_policy);
  } else {
    return out;
  }
  // Asked again at each visit: after an upgrade the old script must not meet the new page.
  out->headers.emplace_back("Cache-Control", "no-cache");
  out->headers.emplace_back("X-Content-Type-Options", "nosniff");
  out->headers.emplace_back("Referrer-Policy", "no-referrer");
  return out;
}

} // namespace hubbub::daemon
