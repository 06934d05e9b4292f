#include "broker/daemon/command_options.hpp"
#include "broker/daemon/commands.hpp"
#include "broker/daemon/http_post.hpp"
#include "broker/daemon/log_text.hpp"
#include "broker/protocol.hpp"
#include "broker/room_name.hpp"

#include <simdjson.h>

#include <istream>
#include <iterator>
#include <memory>
#include <ostream>

namespace hubbub::daemon {
namespace {

struct publish_options {
  std::string admin, key, room, type = "message", data, event_id, event_key;
};

std::string body_of(const publish_options& o) {
  std::string out = R"({"room":)";
  append_json_string(out, o.room);
  out += R"(,"type":)";
  append_json_string(out, o.type);
  if (!o.event_key.empty()) {
    out += R"(,"key":)";
    append_json_string(out, o.event_key);
  }
  if (!o.event_id.empty()) {
    out += R"(,"event_id":)";
    append_json_string(out, o.event_id);
  }
  return out + R"(,"data":)" + o.data + "}";
}

/// `forbidden: …` of a node's `{code, message}`; the status alone when there is none.
std::string reason_of(const http_answer_text& answer) {
  simdjson::dom::parser parser;
  simdjson::dom::element e;
  std::string_view code, message;
  if (parser.parse(answer.body).get(e) == simdjson::SUCCESS &&
      e["code"].get_string().get(code) == simdjson::SUCCESS &&
      e["message"].get_string().get(message) == simdjson::SUCCESS)
    return std::string{code} + ": " + std::string{message};
  return "status " + std::to_string(answer.status);
}

/// Fills in what was left out; a sentence when something cannot be right.
std::string complete(publish_options& o, const surroundings& around) {
  const auto from = [&](std::string& value, const char* variable) {
    if (value.empty())
      value = around.environment(variable).value_or("");
  };
  from(o.admin, "HUBBUB_ADMIN");
  from(o.key, "HUBBUB_ADMIN_KEY");
  if (o.admin.empty())
    o.admin = "127.0.0.1:8081";
  if (o.admin.find("://") == std::string::npos)
    o.admin = "http://" + o.admin;
  if (o.key.find_first_of("\r\n") != std::string::npos)
    return "--key: has a line break in it";
  if (o.data == "-")
    o.data.assign(std::istreambuf_iterator<char>{around.in}, {});
  if (auto room = broker::room_name::parse(o.room); !room)
    return "--room: " + room.error().message;
  if (!broker::protocol::is_json(o.data))
    return "--data: is not one JSON value; text stands in quotes: --data '\"hello\"'";
  return {};
}

int publish(publish_options& o, const surroundings& around) {
  if (auto wrong = complete(o, around); !wrong.empty())
    return fail(around, exit_usage, wrong);
  auto answer = post_json(o.admin + "/v1/publish", o.key, body_of(o));
  if (!answer)
    return fail(around, exit_failed, "no answer from " + o.admin + ": " + answer.error().message);
  if (answer->status < 200 || answer->status > 299)
    return fail(around, exit_failed, "the node refused it: " + reason_of(*answer));
  auto& text = answer->body;
  text.erase(text.find_last_not_of('\n') + 1);
  around.out << text << '\n';
  return exit_ok;
}

} // namespace

command add_publish(CLI::App& app, const surroundings& around) {
  const auto o = std::make_shared<publish_options>();
  using need = command_options::need;
  command_options{app, "publish", "put an event into a room, through a running node's admin listener"}
      .text("--room,room", o->room, "the room, such as chat.42", "ROOM", need::required)
      .text("--data,data", o->data, "one JSON value; - reads it from standard input", "JSON", need::required)
      .text("--type", o->type, "the event's type, \"message\" unless told otherwise", "TYPE")
      .text("--event-id", o->event_id, "the event's id: a second event with it is a duplicate", "ID")
      .text("--event-key", o->event_key, "what a conflating room keeps the newest of", "KEY")
      .text("--admin", o->admin, "the admin listener, 127.0.0.1:8081 unless told otherwise (HUBBUB_ADMIN)",
            "ADDRESS")
      .text("--key", o->key, "an admin key; better in HUBBUB_ADMIN_KEY, which others cannot see", "KEY")
      .footer("Prints the node's answer. Try it: hubbub publish chat.lobby '\"hello\"'");
  return [o, &around] { return publish(*o, around); };
}

} // namespace hubbub::daemon
