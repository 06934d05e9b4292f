#include "transport/http_message.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/field.hpp>

#include <utility>

namespace hubbub::transport {

namespace {

namespace http = boost::beast::http;

/// Is the last of a request's transfer codings `chunked`?
bool ends_in_chunked(boost::beast::string_view codings) {
  codings.remove_prefix(codings.rfind(',') + 1); // without a comma: npos + 1, which is 0
  const auto from = codings.find_first_not_of(" \t");
  return from != codings.npos && boost::beast::iequals(codings.substr(from), "chunked");
}

} // namespace

bool is_of_unknown_length(const request_message& request, bool chunked) {
  const auto codings = request.count(http::field::transfer_encoding);
  return codings > 1 ||
         (codings == 1 && !(chunked && ends_in_chunked(request[http::field::transfer_encoding])));
}

broker::http_request read_request(request_message&& message, std::string remote_address) {
  broker::http_request request;
  request.method = message.method_string();
  const auto target = message.target();
  const auto query = target.find('?');
  request.path = target.substr(0, query);
  if (query != target.npos)
    request.query = target.substr(query + 1);
  request.authorization = message[http::field::authorization];
  request.host = message[http::field::host];
  request.origin = message[http::field::origin];
  request.content_type = message[http::field::content_type];
  request.remote_address = std::move(remote_address);
  request.body = std::move(message.body());
  return request;
}

} // namespace hubbub::transport
