#include "broker/clock.hpp"
#include "broker/daemon/command_options.hpp"
#include "broker/daemon/commands.hpp"
#include "broker/daemon/config_value.hpp"
#include "broker/daemon/jwt.hpp"
#include "broker/daemon/right_names.hpp"

#include <memory>
#include <ostream>

namespace hubbub::daemon {
namespace {

struct token_options {
  std::string key_file, ttl = "1h";
  text_list grants;
  token_request what;
};

/// `chat.>=join,publish` into `to`; a sentence when it is not that.
complaint read_grant(const std::string& text, token_request& to) {
  // A room's name may hold `=`, a right cannot.
  const auto mark = text.rfind('=');
  if (mark == std::string::npos)
    return "--grant: expected a room pattern, = and rights, such as 'chat.>=join,publish', got \"" + text +
           "\"";
  auto where = broker::room_pattern::parse(std::string_view{text}.substr(0, mark));
  if (!where)
    return "--grant: " + where.error().message + ", got \"" + text.substr(0, mark) + "\"";
  text_list names;
  if (auto wrong = read(given_value::text(text.substr(mark + 1)), names); !wrong.empty())
    return "--grant: " + wrong;
  auto all = broker::right::none;
  for (const auto& name : names) {
    const auto one = parse_right(name);
    if (one == broker::right::none)
      return "--grant: \"" + name + "\" is none of join, publish, history, presence, call";
    all = all | one;
  }
  if (names.empty())
    return "--grant: \"" + text + "\" names no right";
  to.grants.emplace_back(std::move(*where), all);
  return {};
}

int make_token(token_options& o, const surroundings& around) {
  if (o.key_file.empty())
    o.key_file = around.environment("HUBBUB_HS256_KEY_FILE").value_or("");
  if (o.key_file.empty())
    return fail(around, exit_usage, "--key-file is missing: the file with the secret that signs tokens");
  const auto lives = parse_duration(o.ttl);
  if (!lives || lives->count() == 0)
    return fail(around, exit_usage,
                "--ttl: " + expected("a duration such as \"1h\" (units: ms s m h d)", {o.ttl}));
  o.what.lives = *lives;
  for (const auto& grant : o.grants)
    if (auto wrong = read_grant(grant, o.what); !wrong.empty())
      return fail(around, exit_usage, wrong);

  const auto key = signing_key::from_file(o.key_file);
  if (!key)
    return fail(around, exit_failed, key.error().message);
  const auto token = mint_token(*key, o.what, broker::system_clock{}.unix_ms());
  if (!token)
    return fail(around, token.error().code == broker::errc::internal ? exit_failed : exit_usage,
                token.error().message);
  around.out << *token << '\n';
  return exit_ok;
}

} // namespace

command add_token(CLI::App& app, const surroundings& around) {
  const auto o = std::make_shared<token_options>();
  command_options{app, "token", "make a token for a client"}
      .text("--key-file", o->key_file, "file with the secret (HUBBUB_HS256_KEY_FILE)", "FILE")
      .text("--sub", o->what.user, "the user", "USER", command_options::need::required)
      .texts("--grant", o->grants,
             "rights on rooms, such as 'chat.>=join,publish,history,presence'; may come several times",
             "PATTERN=RIGHTS")
      .text("--ttl", o->ttl, "how long it is good, 1h unless told otherwise", "DURATION")
      .text("--jti", o->what.token_id, "the token's id, by which it can be revoked", "ID")
      .text("--user-info", o->what.user_info, "what others see in presence, as JSON", "JSON")
      .text("--iss", o->what.issuer, "who issued it, where the node asks for that", "ISSUER")
      .text("--aud", o->what.audience, "whom it is for, where the node asks for that", "AUDIENCE")
      .footer("Prints the token and nothing else.");
  return [o, &around] { return make_token(*o, around); };
}

} // namespace hubbub::daemon
