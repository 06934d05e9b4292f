#include "broker/protocol.hpp"
#include "tests/support/other_json.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

/// What parses encodes to valid JSON again, what does not is refused by name, and on what is JSON we agree
/// with another parser.
namespace {

using namespace hubbub::broker;
using namespace hubbub::broker::protocol;

void demand(bool holds, const char* what, std::string_view text) {
  if (holds)
    return;
  std::fprintf(stderr, "%s: %.*s\n", what, static_cast<int>(text.size()), text.data());
  std::abort();
}

class checker final : public command_sink {
public:
  bool on_command(command&& c) override {
    ++seen;
    std::visit([&](const auto& what) { check(c.id, what); }, c.what);
    return true;
  }
  bool on_bad(std::string id, refusal why) override {
    ++seen;
    demand(why.code == errc::bad_frame || why.code == errc::bad_command || why.code == errc::bad_room ||
               why.code == errc::too_large,
           "refused by another name", name(why.code));
    demand(!why.message.empty(), "refused without a word", name(why.code));
    encode_error(fresh(), id, why);
    check_out();
    return true;
  }

  int seen = 0;

private:
  void check(const std::string& id, const publish_command& p) {
    check_line(p.what.data);
    stored_event e;
    static_cast<event&>(e) = p.what;
    const auto where = encode_event(fresh(), e, true);
    demand(where.at + where.size <= out_.size() && (where.size == 0) == e.key.empty(), "no such key", out_);
    check_out();
    encode_ok_publish(fresh(), id, {{"e", 1}, e.event_id, false}, false);
    check_out();
    encode_error(fresh(), id,
                 publish_refused{{errc::unavailable, e.type}, publish_outcome::unknown, e.event_id});
    check_out();
  }
  void check(const std::string& id, const join_command& j) {
    joined answer{j.room, j.since.value_or(stream_position{}),       0,
                  true,   std::vector<member>{{"u", "", j.info, 1}}, 1};
    if (!j.info.empty())
      check_line(j.info);
    encode_ok_join(fresh(), id, answer);
    check_out();
  }
  void check(const std::string& id, const presence_command& p) {
    encode_ok_presence(fresh(), id, {{p.after, "", "", 1}}, p.limit, false);
    check_out();
  }
  void check(const std::string& id, const update_command& u) {
    check_line(u.info);
    encode_presence(fresh(), {u.room, 1, 1, false, {}, {}, {{id, "", u.info, 1}}});
    check_out();
  }
  void check(const std::string& id, const auth_command& a) {
    encode_ok_auth(fresh(), id, a.token, a.token, 1);
    check_out();
  }
  void check(const std::string& id, const leave_command& l) { check_room(id, l.room); }
  void check(const std::string& id, const history_command& h) { check_room(id, h.room); }
  void check(const std::string&, const call_command& c) { check_line(c.data); }
  void check(const std::string& id, const resume_command& r) {
    std::vector<resumed_room> rooms;
    for (const auto& one : r.rooms) {
      if (!one.info.empty())
        check_line(one.info);
      rooms.push_back({one.room, one.since, 1, one.presence, one.presence ? errc::ok : errc::forbidden});
    }
    encode_ok_resume(fresh(), id, r.ticket, rooms);
    check_out();
  }
  void check(const std::string& id, const pong_command&) { demand(id.empty(), "a pong has an id", id); }

  void check_room(const std::string& id, const room_name& room) {
    encode_ok_room(fresh(), id, room);
    check_out();
  }
  void check_line(const std::string& data) {
    demand(hubbub::tests::may_be_json(data, true), "data is no JSON", data);
    demand(data.find_first_of("\r\n") == data.npos, "data has lines", data);
  }
  void check_out() {
    demand(is_json(out_, 80), "encoded no JSON", out_);
    demand(hubbub::tests::may_be_json(out_, true), "encoded no JSON for others", out_);
  }
  std::string& fresh() {
    out_.clear();
    return out_;
  }

  std::string out_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  static parser with_memory; // what one message leaves behind must not matter to the next
  checker seen;
  with_memory.parse(text, seen);
  demand(seen.seen > 0, "neither a command nor a refusal", text);
  constexpr std::uint32_t deep = 1'000;
  const auto opened = std::count_if(text.begin(), text.end(), [](char c) { return c == '[' || c == '{'; });
  if (opened <= deep)
    demand(hubbub::tests::may_be_json(text, is_json(text, deep)), "others do not agree", text);
  return 0;
}
