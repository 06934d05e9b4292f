#include "cluster/jetstream_api.hpp"

#include "cluster/base64.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <exception>

namespace hubbub::cluster::js {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

/// Names and subjects are made of letters that need no escape (`subjects`).
std::string in_quotes(std::string_view text) { return std::string{'"'}.append(text).append(1, '"'); }

std::string text_in(const object& from, std::string_view name) {
  std::string_view text;
  return from[name].get(text) ? std::string{} : std::string{text};
}
std::int64_t integer_in(const object& from, std::string_view name, std::int64_t otherwise = 0) {
  std::int64_t n = 0;
  return from[name].get(n) ? otherwise : n;
}
std::uint64_t count_in(const object& from, std::string_view name) {
  std::uint64_t n = 0;
  return from[name].get(n) ? 0 : n;
}
bool flag_in(const object& from, std::string_view name) {
  bool b = false;
  return !from[name].get(b) && b;
}

error unreadable() { return {1, 0, "the answer is not what JetStream says"}; }

/// Calls `f` with the answer, which may be an error.
template <class Answer, class F>
Answer read_any(std::string_view json, F f) noexcept {
  Answer a;
  try {
    static thread_local simdjson::dom::parser parser;
    object root;
    if (parser.parse(json.data(), json.size()).get(root)) {
      a.why = unreadable();
      return a;
    }
    f(root, a);
  } catch (const std::exception&) {
    a = {};
    a.why.code = 1; // no memory to read it
  }
  return a;
}

/// Calls `f` with the answer unless it is an error.
template <class Answer, class F>
Answer read(std::string_view json, F f) noexcept {
  return read_any<Answer>(json, [&f](const object& root, Answer& a) {
    object failed;
    if (root["error"].get(failed))
      return f(root, a);
    a.why.code = std::max(1, static_cast<int>(integer_in(failed, "code")));
    a.why.err_code = static_cast<int>(integer_in(failed, "err_code"));
    a.why.description = text_in(failed, "description");
  });
}

stream_config config_in(const object& from) {
  stream_config c;
  c.name = text_in(from, "name");
  c.description = text_in(from, "description");
  if (simdjson::dom::array all; !from["subjects"].get(all)) {
    for (const auto one : all)
      if (std::string_view text; !one.get(text))
        c.subject.append(c.subject.empty() ? "" : ", ").append(text);
  }
  if (object republish; !from["republish"].get(republish)) {
    c.republish_from = text_in(republish, "src");
    c.republish_to = text_in(republish, "dest");
    c.republish_headers_only = flag_in(republish, "headers_only");
  }
  c.max_msgs_per_subject = integer_in(from, "max_msgs_per_subject", -1);
  c.max_age_ns = integer_in(from, "max_age");
  c.duplicate_window_ns = integer_in(from, "duplicate_window");
  c.max_msg_size = static_cast<std::int32_t>(integer_in(from, "max_msg_size", -1));
  c.replicas = static_cast<std::uint32_t>(integer_in(from, "num_replicas", 1));
  c.allow_direct = flag_in(from, "allow_direct");
  c.file = text_in(from, "storage") == "file";
  c.discard_old = text_in(from, "discard") != "new";
  c.no_ack = flag_in(from, "no_ack");
  c.sealed = flag_in(from, "sealed");
  if (auto retention = text_in(from, "retention"); !retention.empty())
    c.retention = std::move(retention);
  c.max_msgs = integer_in(from, "max_msgs", -1);
  c.max_bytes = integer_in(from, "max_bytes", -1);
  if (simdjson::dom::array sources; !from["sources"].get(sources))
    c.has_sources = sources.size() > 0;
  if (object mirror; !from["mirror"].get(mirror))
    c.mirror = text_in(mirror, "name");
  return c;
}

/// Days before a year's day in the civil calendar (Howard Hinnant's algorithm).
std::int64_t days_from_civil(std::int64_t y, std::int64_t m, std::int64_t d) noexcept {
  y -= m <= 2;
  const auto era = (y >= 0 ? y : y - 399) / 400;
  const auto yoe = y - era * 400;
  const auto doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  const auto doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + doe - 719468;
}

/// Milliseconds since 1970 of RFC 3339 in UTC; 0: it is none.
std::int64_t time_of(std::string_view text) noexcept {
  const auto number = [&](std::size_t at, std::size_t size) -> std::int64_t {
    std::int64_t n = -1;
    if (text.size() >= at + size)
      std::from_chars(text.data() + at, text.data() + at + size, n);
    return n;
  };
  if (text.size() < 20)
    return 0;
  const auto seconds = days_from_civil(number(0, 4), number(5, 2), number(8, 2)) * 86'400 +
                       number(11, 2) * 3600 + number(14, 2) * 60 + number(17, 2);
  std::int64_t ms = 0;
  const auto is_digit = [&](std::size_t at) {
    return at < text.size() && text[at] >= '0' && text[at] <= '9';
  };
  if (text[19] == '.')
    for (std::size_t at = 20, unit = 100; at < 23 && is_digit(at); ++at, unit /= 10)
      ms += (text[at] - '0') * static_cast<std::int64_t>(unit);
  return seconds * 1000 + ms;
}

} // namespace

std::string stream_config::why_closed() const {
  if (!mirror.empty())
    return "stream " + name + " is a mirror of " + mirror +
           ", to which nothing can be published: delete it, and a node makes it anew";
  if (sealed)
    return "stream " + name + " is sealed, and takes nothing any more: delete it, and a node makes it anew";
  return {};
}

std::string to_json(const stream_config& c) {
  std::string j = "{\"name\":" + in_quotes(c.name) + ",\"description\":" + in_quotes(c.description) +
                  ",\"subjects\":[" + in_quotes(c.subject) +
                  "],\"retention\":\"limits\",\"discard\":\"old\",\"max_consumers\":-1,\"max_msgs\":-1"
                  ",\"max_bytes\":-1,\"storage\":" +
                  (c.file ? "\"file\"" : "\"memory\"");
  j += ",\"max_msgs_per_subject\":" + std::to_string(c.max_msgs_per_subject);
  j += ",\"max_age\":" + std::to_string(c.max_age_ns);
  j += ",\"duplicate_window\":" + std::to_string(c.duplicate_window_ns);
  j += ",\"max_msg_size\":" + std::to_string(c.max_msg_size);
  j += ",\"num_replicas\":" + std::to_string(c.replicas);
  j += c.allow_direct ? ",\"allow_direct\":true" : "";
  j += ",\"republish\":{\"src\":" + in_quotes(c.republish_from) + ",\"dest\":" + in_quotes(c.republish_to) +
       "}}";
  return j;
}

stream_info read_stream_info(std::string_view json) {
  return read<stream_info>(json, [](const object& root, stream_info& i) {
    object config, state;
    if (root["config"].get(config) || root["state"].get(state)) {
      i.why = unreadable();
      return;
    }
    i.config = config_in(config);
    i.created = text_in(root, "created");
    i.created_ms = time_of(i.created);
    i.messages = count_in(state, "messages");
    i.first_seq = count_in(state, "first_seq");
    i.last_seq = count_in(state, "last_seq");
    i.first_time_ms = time_of(text_in(state, "first_ts"));
    i.last_time_ms = time_of(text_in(state, "last_ts"));
    if (object cluster; !root["cluster"].get(cluster))
      i.leader = text_in(cluster, "leader");
    i.before_2_10 = text_in(root, "ts").empty();
  });
}

ack read_ack(std::string_view json) {
  return read<ack>(json, [](const object& root, ack& a) {
    a.sequence = count_in(root, "seq");
    a.duplicate = flag_in(root, "duplicate");
    if (a.sequence == 0)
      a.why = unreadable();
  });
}

bool is_ack_of(std::string_view stream, std::string_view json) noexcept {
  struct sender {
    error why;
    bool is_it = false;
  };
  const auto read_sender = [stream](const object& root, sender& s) {
    std::string_view name;
    object failed;
    if (!root["stream"].get(name))
      s.is_it = name == stream;
    else
      s.is_it = !root["error"].get(failed) && integer_in(failed, "err_code") > 0;
  };
  return read_any<sender>(json, read_sender).is_it;
}

message read_message(std::string_view json) {
  return read<message>(json, [](const object& root, message& m) {
    object inside;
    if (root["message"].get(inside)) {
      m.why = unreadable();
      return;
    }
    auto headers = from_base64(text_in(inside, "hdrs"));
    auto data = from_base64(text_in(inside, "data"));
    m.subject = text_in(inside, "subject");
    m.sequence = count_in(inside, "seq");
    m.time_ms = time_of(text_in(inside, "time"));
    if (!headers || !data || m.sequence == 0) {
      m.why = unreadable();
      return;
    }
    m.headers = std::move(*headers);
    m.data = std::move(*data);
  });
}

std::string get_last(std::string_view subject) { return "{\"last_by_subj\":" + in_quotes(subject) + "}"; }
std::string get_one(std::uint64_t sequence) { return "{\"seq\":" + std::to_string(sequence) + "}"; }
std::string get_next(std::uint64_t from, std::string_view subject) {
  return "{\"seq\":" + std::to_string(from) + ",\"next_by_subj\":" + in_quotes(subject) + "}";
}

std::string to_json(const consumer_config& c) {
  std::string j = "{\"stream_name\":" + in_quotes(c.stream) + ",\"config\":{\"name\":" + in_quotes(c.name) +
                  ",\"deliver_policy\":\"by_start_sequence\",\"opt_start_seq\":" + std::to_string(c.start) +
                  ",\"ack_policy\":\"none\",\"max_deliver\":1,\"replay_policy\":\"instant\""
                  ",\"num_replicas\":1,\"mem_storage\":true,\"inactive_threshold\":5000000000";
  if (!c.subject.empty())
    j += ",\"filter_subject\":" + in_quotes(c.subject);
  if (c.headers_only)
    j += ",\"headers_only\":true";
  return j + "}}";
}

consumer_info read_consumer_info(std::string_view json) {
  return read<consumer_info>(json, [](const object& root, consumer_info& i) {
    if (root["num_pending"].get(i.pending))
      i.why = unreadable();
  });
}

std::string next_messages(std::uint32_t count, std::int64_t wait_ms) {
  return "{\"batch\":" + std::to_string(count) + ",\"expires\":" + std::to_string(wait_ms * 1'000'000) + "}";
}

} // namespace hubbub::cluster::js
