#pragma once

#include "broker/http.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

/// The page that a node in dev mode shows at `/`: the files of broker/daemon/page and
/// clients/javascript, put into the program when it is built. Any thread.
namespace hubbub::daemon {

struct embedded_file {
  std::string_view name;
  std::string_view content;
  /// Changes with the content.
  std::string_view tag;
};

/// Written at build time, see cmake/embed.cmake.
[[nodiscard]] std::span<const embedded_file> page_files();

struct page_file {
  std::string_view content_type;
  std::string_view body;
  /// A strong entity tag, with its quotes.
  std::string etag;
};

/// What is at `path` (`/`, `/app.js`, …); nothing: not a part of the page.
[[nodiscard]] std::optional<page_file> find_page(std::string_view path);

/// The same as an answer, with headers that let the browser load nothing from elsewhere. `/page.json` tells
/// the page where the admin listener is, for its line to try in a shell.
[[nodiscard]] std::optional<broker::http_response> answer_page(std::string_view path,
                                                               std::string_view admin_url);

} // namespace hubbub::daemon
