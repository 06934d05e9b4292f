#include "cluster/nats_connection.hpp"

#include <nats/nats.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <tuple>

namespace hubbub::cluster {
namespace {

// With a file of credentials the client library signs what the server says, and about one signature in 230 is
// wrong (nats.c 3.4.1: 13 of 3,000 connections). A node makes several connections as it starts.
constexpr int most_wrong_signatures = 3;

constexpr std::int64_t reconnect_wait_ms = 100;
// A server that is stopped or cut off is noticed after three of these.
constexpr std::int64_t ping_ms = 1'000;
constexpr int most_pings_out = 2;
// A send that takes longer has met such a server.
constexpr std::int64_t write_deadline_ms = 1'000;

struct options_deleter {
  void operator()(natsOptions* o) const noexcept { natsOptions_Destroy(o); }
};
using options_ptr = std::unique_ptr<natsOptions, options_deleter>;

/// A URL without what stands before an @.
std::string public_url(std::string_view url) {
  const auto scheme = url.find("://");
  const auto host = scheme == url.npos ? 0 : scheme + 3;
  const auto at = url.rfind('@');
  if (at == url.npos || at < host)
    return std::string{url};
  return std::string{url.substr(0, host)}.append(url.substr(at + 1));
}

/// What stands before the host, `tls://ann:secret@`, and the host with its port.
std::pair<std::string_view, std::string_view> parts_of(std::string_view url) {
  const auto scheme = url.find("://");
  const auto at = url.rfind('@');
  const auto host = at != url.npos ? at + 1 : scheme != url.npos ? scheme + 3 : 0;
  return {url.substr(0, host), url.substr(host)};
}

std::string public_urls(const std::vector<std::string>& all) {
  std::string text;
  for (const auto& url : all)
    text.append(text.empty() ? "" : ", ").append(public_url(url));
  return text;
}

bool wants_tls(const nats_options& o) {
  return o.tls.required || !o.tls.authorities.empty() || !o.tls.certificate.empty();
}

/// What OpenSSL found wrong with a server's certificate, out of the library's `SSL handshake error:
/// 20:unable to get local issuer certificate:depth=0:…`. Empty: it says something else.
std::string_view verdict_in(std::string_view said) {
  constexpr std::string_view mark = "handshake error: ";
  const auto begin = said.find(mark);
  const auto end = said.find(":depth=");
  if (begin == said.npos || end == said.npos || end < begin)
    return {};
  const auto verdict = said.substr(begin + mark.size(), end - begin - mark.size());
  return verdict.substr(verdict.find(':') + 1);
}

std::string tls_reason(std::string_view said) {
  const auto verdict = verdict_in(said);
  if (verdict.empty())
    return "the TLS handshake failed";
  const auto is_name = verdict.find("mismatch") != verdict.npos;
  const auto is_signer = verdict.find("issuer") != verdict.npos || verdict.find("signed") != verdict.npos;
  return "its certificate is not accepted: " + std::string{verdict} +
         (is_name     ? " (it is for another name than the URL's)"
          : is_signer ? " (nats.tls_ca names who may sign it, beside the system's authorities)"
                      : "");
}

/// What a server does that speaks TLS and does not like whom it speaks to.
std::string hung_up_reason(const nats_options& o) {
  return o.tls.certificate.empty()
             ? "it ended the TLS connection, as servers do that demand a client certificate (nats.tls_cert)"
             : "it ended the TLS connection: it does not accept the client certificate of nats.tls_cert, or "
               "is going down";
}

std::string reason(natsStatus s, const nats_options& o) {
  natsStatus last = NATS_OK;
  const auto* said = nats_GetLastError(&last);
  const std::string_view words = said == nullptr ? "" : said;
  switch (s) {
  case NATS_CONNECTION_AUTH_FAILED:
  case NATS_NOT_PERMITTED:
    return "it does not accept these credentials";
  case NATS_NO_SERVER:
    return "no server answers there";
  case NATS_TIMEOUT:
    return "it did not answer in time";
  case NATS_SECURE_CONNECTION_REQUIRED:
    return "it wants TLS";
  case NATS_SECURE_CONNECTION_WANTED:
    return "it has no TLS";
  case NATS_SSL_ERROR:
    return tls_reason(words);
  case NATS_PROTOCOL_ERROR:
  case NATS_IO_ERROR:
  case NATS_CONNECTION_CLOSED:
    if (wants_tls(o))
      return hung_up_reason(o);
    break;
  default:
    break;
  }
  std::string text = natsStatus_GetText(s);
  if (!words.empty())
    text.append(" (").append(words).append(")");
  return text;
}

/// Calls f(option's value) as the library wants it: null for empty.
const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

natsStatus set(natsOptions* o, const nats_options& from, nats_callbacks* on) {
  std::vector<const char*> urls;
  for (const auto& url : from.servers)
    urls.push_back(url.c_str());
  auto s = natsOptions_SetServers(o, urls.data(), static_cast<int>(urls.size()));
  const auto then = [&s](auto f, auto... with) {
    if (s == NATS_OK)
      s = f(with...);
  };
  then(natsOptions_SetName, o, from.node.c_str());
  then(natsOptions_SetTimeout, o, static_cast<std::int64_t>(from.timeout.count()));
  then(natsOptions_SetPingInterval, o, ping_ms);
  then(natsOptions_SetMaxPingsOut, o, most_pings_out);
  then(natsOptions_SetMaxReconnect, o, -1);
  then(natsOptions_SetReconnectWait, o, reconnect_wait_ms);
  // What was refused must not be sent later.
  then(natsOptions_SetReconnectBufSize, o, 0);
  then(natsOptions_SetWriteDeadline, o, write_deadline_ms);
  // The thread that would flush waits a millisecond for more.
  then(natsOptions_SetSendAsap, o, true);
  // Or there would be a thread for each subscription.
  then(natsOptions_UseGlobalMessageDelivery, o, true);
  if (!from.credentials.empty())
    then(natsOptions_SetUserCredentialsFromFiles, o, from.credentials.c_str(),
         static_cast<const char*>(nullptr));
  if (wants_tls(from))
    then(natsOptions_SetSecure, o, true);
  if (!from.tls.authorities.empty())
    then(natsOptions_LoadCATrustedCertificates, o, or_null(from.tls.authorities));
  if (!from.tls.certificate.empty())
    then(natsOptions_LoadCertificatesChain, o, or_null(from.tls.certificate), or_null(from.tls.key));

  then(
      natsOptions_SetDisconnectedCB, o,
      [](natsConnection*, void* c) {
        const auto& to = *static_cast<nats_callbacks*>(c);
        to.lost(to.context);
      },
      static_cast<void*>(on));
  then(
      natsOptions_SetReconnectedCB, o,
      [](natsConnection*, void* c) {
        const auto& to = *static_cast<nats_callbacks*>(c);
        to.back(to.context);
      },
      static_cast<void*>(on));
  then(
      natsOptions_SetClosedCB, o,
      [](natsConnection*, void* c) {
        const std::unique_ptr<nats_callbacks> to{static_cast<nats_callbacks*>(c)};
        to->closed(to->context);
      },
      static_cast<void*>(on));
  then(
      natsOptions_SetErrorHandler, o,
      [](natsConnection*, natsSubscription*, natsStatus err, void* c) {
        const auto& to = *static_cast<nats_callbacks*>(c);
        if (err == NATS_SLOW_CONSUMER)
          to.dropped(to.context);
      },
      static_cast<void*>(on));
  then(
      natsOptions_SetLameDuckModeCB, o,
      [](natsConnection*, void* c) {
        const auto& to = *static_cast<nats_callbacks*>(c);
        to.lame_duck(to.context);
      },
      static_cast<void*>(on));
  return s;
}

} // namespace

void nats_deleter::operator()(natsConnection* c) const noexcept { natsConnection_Destroy(c); }
void nats_deleter::operator()(natsMsg* m) const noexcept { natsMsg_Destroy(m); }

broker::result<nats_conn_ptr> connect_nats(const nats_options& options, const nats_callbacks& on) {
  const auto refused = [&](const std::string& why) {
    return broker::refusal{broker::errc::unavailable,
                           "cannot use NATS at " + public_urls(options.servers) + ": " + why};
  };
  if (options.servers.empty())
    return broker::refusal{broker::errc::unavailable, "no server of NATS is named"};
  natsOptions* made = nullptr;
  if (natsOptions_Create(&made) != NATS_OK)
    return refused("the client library cannot start");
  const options_ptr o{made};
  auto callbacks = std::make_unique<nats_callbacks>(on);
  if (const auto s = set(o.get(), options, callbacks.get()); s != NATS_OK)
    return refused(reason(s, options));
  natsConnection* c = nullptr;
  auto s = natsConnection_Connect(&c, o.get());
  for (auto again = most_wrong_signatures;
       s == NATS_CONNECTION_AUTH_FAILED && !options.credentials.empty() && again > 0; --again)
    s = natsConnection_Connect(&c, o.get());
  if (s != NATS_OK)
    return refused(reason(s, options));
  std::ignore = callbacks.release(); // goes with `closed`
  return nats_conn_ptr{c};
}

std::vector<std::string> servers_around(natsConnection* c, const std::vector<std::string>& named) {
  auto all = named;
  char** told = nullptr;
  int count = 0;
  if (named.empty() || natsConnection_GetDiscoveredServers(c, &told, &count) != NATS_OK)
    return all;
  for (auto i = 0; i < count; ++i) {
    const auto host = parts_of(told[i]).second;
    if (std::ranges::none_of(all, [host](const auto& url) { return parts_of(url).second == host; }))
      all.push_back(std::string{parts_of(named.front()).first}.append(host));
    std::free(told[i]);
  }
  std::free(told);
  return all;
}

bool is_up(natsConnection* c) noexcept { return natsConnection_Status(c) == NATS_CONN_STATUS_CONNECTED; }

bool is_closed(natsConnection* c) noexcept { return natsConnection_IsClosed(c); }

void close_nats(natsConnection* c) noexcept { natsConnection_Close(c); }

bool drain_nats(natsConnection* c, std::chrono::milliseconds within) noexcept {
  return natsConnection_DrainTimeout(c, within.count()) == NATS_OK;
}

std::string server_of(natsConnection* c) {
  char url[512] = "";
  if (c == nullptr || natsConnection_GetConnectedUrl(c, url, sizeof url) != NATS_OK)
    return {};
  return public_url(url);
}

std::uint64_t max_payload_of(natsConnection* c) noexcept {
  const auto most = c == nullptr ? 0 : natsConnection_GetMaxPayload(c);
  return most > 0 ? static_cast<std::uint64_t>(most) : 0;
}

nats_msg_ptr make_message(const std::string& subject, const std::string& reply,
                          const std::vector<std::pair<const char*, std::string>>& headers,
                          std::string_view data) {
  natsMsg* made = nullptr;
  if (natsMsg_Create(&made, subject.c_str(), or_null(reply), data.data(), static_cast<int>(data.size())) !=
      NATS_OK)
    return nullptr;
  nats_msg_ptr m{made};
  for (const auto& [name, value] : headers)
    if (natsMsgHeader_Set(made, name, value.c_str()) != NATS_OK)
      return nullptr;
  return m;
}

send_result publish_nats(natsConnection* c, natsMsg* m) noexcept {
  if (c == nullptr)
    return send_result::not_sent;
  switch (natsConnection_PublishMsg(c, m)) {
  case NATS_OK:
    return send_result::sent;
  case NATS_INSUFFICIENT_BUFFER: // it is reconnecting, and there is no buffer for that time
  case NATS_CONNECTION_CLOSED:
  case NATS_DRAINING:
  case NATS_INVALID_SUBJECT:
  case NATS_NO_SERVER_SUPPORT:
    return send_result::not_sent;
  case NATS_MAX_PAYLOAD:
    return send_result::too_large;
  default:
    return send_result::unknown;
  }
}

nats_message view_of(natsMsg* m) noexcept {
  nats_message v;
  const auto* subject = natsMsg_GetSubject(m);
  const auto* reply = natsMsg_GetReply(m);
  v.subject = subject == nullptr ? "" : subject;
  v.reply = reply == nullptr ? "" : reply;
  const auto* data = natsMsg_GetData(m);
  v.data = {data, static_cast<std::size_t>(natsMsg_GetDataLength(m))};
  // The library would take each header apart into three pieces of memory. It keeps a message in one: subject,
  // reply, headers, data, with a zero behind each, and what is not the beginning of headers is not read.
  const auto* at =
      v.reply.empty() ? v.subject.data() + v.subject.size() + 1 : v.reply.data() + v.reply.size() + 1;
  if (data != nullptr && data > at)
    v.headers = header_lines{{at, static_cast<std::size_t>(data - at - 1)}};
  return v;
}

natsSubscription* subscribe_nats(natsConnection* c, const char* subject, const char* queue,
                                 void (*message)(natsConnection*, natsSubscription*, natsMsg*, void*),
                                 void (*complete)(void*), void* context) noexcept {
  natsSubscription* s = nullptr;
  const auto made = queue == nullptr ? natsConnection_Subscribe(&s, c, subject, message, context)
                                     : natsConnection_QueueSubscribe(&s, c, subject, queue, message, context);
  if (made != NATS_OK)
    return nullptr;
  // Fails only when the connection was closed in between: then what it would free stays.
  static_cast<void>(natsSubscription_SetOnCompleteCB(s, complete, context));
  return s;
}

void limit_pending(natsSubscription* s, int messages, int bytes) noexcept {
  static_cast<void>(natsSubscription_SetPendingLimits(s, messages, bytes));
}

void end_subscription(natsSubscription* s) noexcept { static_cast<void>(natsSubscription_Unsubscribe(s)); }

void destroy_subscription(natsSubscription* s) noexcept { natsSubscription_Destroy(s); }

} // namespace hubbub::cluster
