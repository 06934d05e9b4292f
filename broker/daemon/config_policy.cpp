#include "broker/daemon/config_settings.hpp"
#include "broker/daemon/right_names.hpp"

#include <algorithm>
#include <array>

namespace hubbub::daemon {
namespace {

using namespace std::chrono_literals;
using broker::policy;
using value = const given_value&;

complaint read_rights(value v, broker::right& out) {
  using broker::right;
  text_list names;
  if (!read(v, names).empty())
    return expected("a list of \"join\", \"publish\", \"history\", \"presence\"", v);
  auto all = right::none;
  for (const auto& name : names) {
    const auto one = parse_right(name);
    if (one == right::none || one == right::call) // which no room gives
      return expected("any of \"join\", \"publish\", \"history\", \"presence\"", {name});
    all = all | one;
  }
  out = all;
  return {};
}

complaint read_overflow(value v, broker::overflow& out) {
  using broker::overflow;
  return read(v, out,
              {{"catch_up", overflow::catch_up},
               {"disconnect", overflow::disconnect},
               {"drop_oldest", overflow::drop_oldest},
               {"drop_newest", overflow::drop_newest},
               {"conflate", overflow::conflate}});
}

constexpr std::array all_policy_settings{
    policy_setting{"kind",
                   [](policy& p, value v) {
                     using broker::room_kind;
                     return read(v, p.kind, {{"retained", room_kind::retained}, {"live", room_kind::live}});
                   }},
    policy_setting{"history_size",
                   [](policy& p, value v) { return read(v, p.history_size, range{.least = 1}); }},
    policy_setting{"history_age", [](policy& p, value v) { return read(v, p.history_age, 1ms); }},
    policy_setting{"recover_age", [](policy& p, value v) { return read(v, p.recover_age, 0ms); }},
    policy_setting{"dedup_window", [](policy& p, value v) { return read(v, p.dedup_window, 0ms, 24h * 7); }},
    policy_setting{"tape_bytes",
                   [](policy& p, value v) {
                     return read(v, p.tape_bytes, range{1024, 1'073'741'824});
                   }},
    policy_setting{"overflow", [](policy& p, value v) { return read_overflow(v, p.when_overtaken); }},
    policy_setting{"conflate_keys",
                   [](policy& p, value v) {
                     return read(v, p.conflate_keys, range{1, 1'048'576});
                   }},
    policy_setting{"presence",
                   [](policy& p, value v) {
                     using broker::presence_mode;
                     return read(v, p.presence,
                                 {{"roster", presence_mode::roster},
                                  {"count", presence_mode::count},
                                  {"off", presence_mode::off}});
                   }},
    policy_setting{"presence_interval",
                   [](policy& p, value v) { return read(v, p.presence_interval, 1ms, 1h); }},
    policy_setting{"roster_max",
                   [](policy& p, value v) {
                     return read(v, p.roster_max, range{0, 1'000'000});
                   }},
    policy_setting{"linger", [](policy& p, value v) { return read(v, p.linger, 0ms, 1h); }},
    policy_setting{"publish",
                   [](policy& p, value v) {
                     using broker::publish_mode;
                     return read(v, p.publish,
                                 {{"direct", publish_mode::direct},
                                  {"via_backend", publish_mode::via_backend},
                                  {"off", publish_mode::off}});
                   }},
    policy_setting{"batch", [](policy& p, value v) { return read(v, p.batch, 0ms, 10s); }},
    policy_setting{"deflate", [](policy& p, value v) { return read(v, p.deflate); }},
    policy_setting{"anyone", [](policy& p, value v) { return read_rights(v, p.anyone); }},
};

} // namespace

std::span<const policy_setting> policy_settings() { return all_policy_settings; }

const policy_setting* find_policy_setting(std::string_view key) {
  auto it = std::ranges::find(all_policy_settings, key, &policy_setting::key);
  return it == all_policy_settings.end() ? nullptr : &*it;
}

} // namespace hubbub::daemon
