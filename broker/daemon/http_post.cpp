#include "broker/daemon/http_post.hpp"

#include <curl/curl.h>

#include <memory>

namespace hubbub::daemon {
namespace {

using broker::errc;
using broker::refusal;

constexpr std::size_t max_body = 1'048'576;

struct header_list {
  curl_slist* all = nullptr;
  ~header_list() { curl_slist_free_all(all); }
  void add(const std::string& line) { all = curl_slist_append(all, line.c_str()); }
};

std::size_t take(const char* part, std::size_t, std::size_t size, void* to) {
  auto& body = *static_cast<std::string*>(to);
  if (body.size() + size > max_body)
    return 0;
  body.append(part, size);
  return size;
}

} // namespace

broker::result<http_answer_text> post_json(const std::string& url, const std::string& key,
                                           const std::string& body) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> call{curl_easy_init(), &curl_easy_cleanup};
  if (!call)
    return refusal{errc::internal, "there is no memory for the request"};
  header_list headers;
  headers.add("Content-Type: application/json");
  headers.add("Expect:");
  if (!key.empty())
    headers.add("Authorization: Bearer " + key);
  http_answer_text answer;
  char why[CURL_ERROR_SIZE] = {};
  auto* c = call.get();
  curl_easy_setopt(c, CURLOPT_URL, url.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_PROXY, ""); // a node is asked directly, whatever the variables say
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_TIMEOUT, 10L);
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers.all);
  curl_easy_setopt(c, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, &take);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &answer.body);
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
  if (const auto failed = curl_easy_perform(c); failed != CURLE_OK)
    return refusal{errc::unavailable, why[0] ? why : curl_easy_strerror(failed)};
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &answer.status);
  return answer;
}

} // namespace hubbub::daemon
