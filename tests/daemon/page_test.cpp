#include "broker/daemon/page.hpp"
#include "broker/daemon/public_http.hpp"

#include "tests/support/catch.hpp"

#include <fstream>
#include <iterator>

using namespace hubbub;

namespace {

std::string read_source(const std::string& name) {
  std::ifstream in{std::string{HUBBUB_SOURCE_DIR} + "/" + name, std::ios::binary};
  REQUIRE(in);
  return {std::istreambuf_iterator<char>{in}, {}};
}

broker::http_response get(bool dev_page, const std::string& path, const std::string& method = "GET") {
  const daemon::origin_rules rules{true, {}};
  daemon::public_http http{rules, dev_page};
  http.know_admin("http://127.0.0.1:4711");
  broker::http_request r;
  r.method = method;
  r.path = path;
  r.host = "localhost:8080";
  broker::http_response out;
  http.handle(r, [&](broker::http_response got) { out = std::move(got); });
  return out;
}

} // namespace

TEST_CASE("the page's files are in the program byte by byte", "[page]") {
  CHECK(get(true, "/").body == read_source("broker/daemon/page/index.html"));
  for (const auto* name : {"app.js", "messages.js", "people.js", "style.css", "icon.svg"})
    CHECK(get(true, std::string{"/"} + name).body == read_source(std::string{"broker/daemon/page/"} + name));
  for (const auto* name : {"hubbub.js", "room.js", "base.js", "backoff.js", "connection.js", "frame.js",
                           "outbox.js", "resumption.js"})
    CHECK(get(true, std::string{"/"} + name).body == read_source(std::string{"clients/javascript/"} + name));
}

TEST_CASE("the page says its types and lets in nothing from elsewhere", "[page]") {
  CHECK(get(true, "/").content_type == "text/html; charset=utf-8");
  CHECK(get(true, "/app.js").content_type == "text/javascript; charset=utf-8");
  CHECK(get(true, "/icon.svg").content_type == "image/svg+xml");
  const auto headers = get(true, "/").headers;
  const auto header = [&](std::string_view name) {
    for (const auto& [n, value] : headers)
      if (n == name)
        return value;
    return std::string{};
  };
  CHECK(header("Content-Security-Policy").starts_with("default-src 'none'; script-src 'self'"));
  CHECK(header("Cache-Control") == "no-cache");
  CHECK(header("ETag").size() == 18);
  CHECK(daemon::find_page("/app.js")->etag != daemon::find_page("/style.css")->etag);
}

TEST_CASE("the page is told where the admin listener is", "[page]") {
  CHECK(get(true, "/page.json").body == "{\"admin\":\"http://127.0.0.1:4711\"}");
}

TEST_CASE("there is no page outside dev mode, and none at other paths", "[page]") {
  CHECK(get(false, "/").status == 404);
  CHECK(get(false, "/app.js").status == 404);
  CHECK(get(false, "/page.json").status == 404);
  for (const auto* path : {"/index", "/page/index.html", "//", "/../CMakeLists.txt", "", "/package.json"})
    CHECK(get(true, path).status == 404);
  CHECK(get(true, "/", "POST").status == 405);
  CHECK(get(true, "/", "HEAD").status == 200);
}
