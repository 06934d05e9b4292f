#include "broker/daemon/cli.hpp"
#include "broker/daemon/file_text.hpp"
#include "broker/daemon/jwt.hpp"
#include "broker/daemon/version.hpp"

#include "tests/daemon/config_fixture.hpp"
#include "tests/daemon/one_answer_server.hpp"

#include <regex>
#include <set>
#include <sstream>

using namespace hubbub;
using namespace hubbub::daemon;
using namespace hubbub::daemon::test;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;
using Catch::Matchers::VectorContains;

namespace {

/// The program with streams, variables and a node of the test's own.
struct program {
  std::ostringstream out, err;
  std::istringstream in;
  std::map<std::string, std::string> variables;
  std::optional<config> served;

  int operator()(const std::vector<std::string>& arguments) {
    out.str("");
    err.str("");
    served.reset();
    surroundings around{.out = out,
                        .err = err,
                        .in = in,
                        .environment =
                            [this](const std::string& name) {
                              auto it = variables.find(name);
                              return it == variables.end() ? std::nullopt : std::optional{it->second};
                            },
                        .serve =
                            [this](const config& c) {
                              served = c;
                              return exit_ok;
                            }};
    for (const auto& [name, value] : variables)
      around.variables.push_back(name);
    return run(arguments, around);
  }
};

const std::string secret(32, 's');

} // namespace

TEST_CASE("the program says its version and its commands", "[cli]") {
  program hubbub;
  CHECK(hubbub({"version"}) == exit_ok);
  CHECK(hubbub.out.str() == "hubbub " + std::string{version} + "\n");
  CHECK(hubbub({"--help"}) == exit_ok);
  for (auto name : {"serve", "check-config", "token", "publish", "version"}) {
    CHECK_THAT(hubbub.out.str(), Contains(name));
  }
  CHECK(hubbub({"serve", "--help"}) == exit_ok);
  for (auto flag :
       {"--config", "--listen", "--admin", "--data-dir", "--nats", "--node", "--dev", "HUBBUB_LISTEN"})
    CHECK_THAT(hubbub.out.str(), Contains(flag));
  CHECK(hubbub.err.str().empty());
}

TEST_CASE("every command, flag and variable of the help is in docs/configuration.md", "[cli]") {
  const auto page = *read_file_text(HUBBUB_SOURCE_DIR "/docs/configuration.md");
  const auto part = [&page](const std::string& heading, const std::string& next) {
    const auto begin = page.find("\n" + heading + "\n");
    INFO(heading);
    REQUIRE(begin != std::string::npos);
    return page.substr(begin, page.find("\n" + next, begin + 1) - begin);
  };
  const auto all_of = [](const std::string& text, const char* pattern) {
    const std::regex word{pattern};
    return std::set<std::string>{std::sregex_token_iterator{text.begin(), text.end(), word}, {}};
  };
  program hubbub;
  REQUIRE(hubbub({"--help"}) == exit_ok);
  auto said = hubbub.out.str();
  said.erase(0, said.find("Subcommands:"));
  const auto commands = all_of(said, "\n  [a-z][a-z-]*");
  CHECK(commands.size() == 5);
  for (const auto& line : commands) {
    const auto name = line.substr(3);
    const auto about = part("### `hubbub " + name + "`", "##");
    REQUIRE(hubbub({name, "--help"}) == exit_ok);
    const auto flags = all_of(hubbub.out.str(), "\\n  (?:-h,)?--[a-z][a-z0-9-]*");
    CHECK_FALSE(flags.empty());
    for (const auto& row : flags) {
      const auto flag = row.substr(row.find("--"));
      INFO(name << ' ' << flag);
      if (flag == "--help")
        CHECK_THAT(part("## Commands", "###"), Contains(flag));
      else
        CHECK_THAT(about, Contains("`" + flag + "`") || Contains("`" + flag + " "));
    }
    for (const auto& variable : all_of(hubbub.out.str(), "HUBBUB_[A-Z0-9]+(?:_[A-Z0-9]+)*"))
      CHECK_THAT(page, Contains("`" + variable + "`"));
  }
}

TEST_CASE("what is not understood is one line on stderr and exit code 2", "[cli]") {
  program hubbub;
  const std::vector<std::string> wrong[] = {{},
                                            {"server"},
                                            {"serve", "--lisen", "x"},
                                            {"serve", "extra"},
                                            {"serve", "--listen"},
                                            {"check-config"},
                                            {"token", "--key-file", "x"},
                                            {"publish", "chat.1"},
                                            {"--version"}};
  for (const auto& arguments : wrong) {
    INFO((arguments.empty() ? "nothing" : arguments.back()));
    CHECK(hubbub(arguments) == exit_usage);
    const auto text = hubbub.err.str();
    CHECK_THAT(text, StartsWith("hubbub: ") && Contains("--help"));
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
    CHECK(hubbub.out.str().empty());
  }
}

TEST_CASE("serve takes flags over variables over the file", "[cli]") {
  temp_dir dir;
  program hubbub;
  hubbub.variables = {{"HUBBUB_CONFIG", dir.file("h.toml", "[server]\ndev = true\nlisten = \"127.0.0.1:1\"\n"
                                                           "admin = \"127.0.0.1:2\"\nnode = \"file\"\n")},
                      {"HUBBUB_LISTEN", "127.0.0.1:11"},
                      {"HUBBUB_NODE", "variable"}};
  REQUIRE(hubbub({"serve", "--listen", "127.0.0.1:111"}) == exit_ok);
  REQUIRE(hubbub.served);
  CHECK(hubbub.served->server.listen.port == 111);
  CHECK(hubbub.served->server.admin.port == 2);
  CHECK(hubbub.served->server.node == "variable");
  CHECK(hubbub.served->server.dev);

  // Named by a flag, another file.
  REQUIRE(hubbub({"serve", "--config", dir.file("other.toml", "[auth]\nanonymous = true\n")}) == exit_ok);
  CHECK_FALSE(hubbub.served->server.dev);
}

TEST_CASE("serve --dev needs nothing else", "[cli]") {
  program hubbub;
  REQUIRE(hubbub({"serve", "--dev"}) == exit_ok);
  REQUIRE(hubbub.served);
  CHECK(hubbub.served->server.listen.str() == "127.0.0.1:8080");
  CHECK(hubbub({"serve"}) == exit_usage);
  CHECK_FALSE(hubbub.served);
  CHECK_THAT(hubbub.err.str(), StartsWith("hubbub: there is no key to verify tokens with"));
  REQUIRE(hubbub({"serve", "--dev", "--nats", "nats://a:4222,tls://b:4222"}) == exit_ok);
  CHECK(hubbub.served->nats.url == "nats://a:4222,tls://b:4222");
  CHECK(hubbub({"serve", "--dev", "--nats", "a:4222"}) == exit_usage);
  CHECK(hubbub.err.str() ==
        "--nats: nats.url: expected nats://host:port, or several of them divided by commas\n");
}

TEST_CASE("check-config tells all errors with their places, and the exit code", "[cli]") {
  temp_dir dir;
  program hubbub;
  const auto good = dir.file("good.toml", "[auth]\nanonymous = true\n");
  CHECK(hubbub({"check-config", good}) == exit_ok);
  CHECK(hubbub.out.str() == good + ": ok\n");
  const auto bad = dir.file("bad.toml", "[auth]\nanonymous = true\n[limits]\nrooms = \"many\"\nping = 3\n");
  CHECK(hubbub({"check-config", bad}) == exit_usage);
  CHECK(hubbub.err.str() ==
        bad + ":4: limits.rooms: expected a positive integer, got \"many\"\n" + bad +
            ":5: limits.ping: expected a duration such as \"10s\" (units: ms s m h d), got 3\n");
  CHECK(hubbub.out.str().empty());
  const auto empty = dir.file("dev.toml", "");
  CHECK(hubbub({"check-config", empty}) == exit_usage);
  CHECK(hubbub({"check-config", "--dev", empty}) == exit_ok);
  CHECK(hubbub({"check-config", dir.path() + "/none"}) == exit_usage);
  CHECK_THAT(hubbub.err.str(), Contains("cannot be read: No such file"));
}

TEST_CASE("check-config looks at variables as serve does", "[cli]") {
  temp_dir dir;
  program hubbub;
  const auto good = dir.file("good.toml", "[auth]\nanonymous = true\n[limits]\nrooms = 3\n");
  hubbub.variables = {{"HUBBUB_LIMITS_ROOMS", "many"}};
  CHECK(hubbub({"check-config", good}) == exit_usage);
  CHECK(hubbub.err.str() == "HUBBUB_LIMITS_ROOMS: limits.rooms: expected a positive integer, got \"many\"\n");
  CHECK(hubbub.out.str().empty());
  // What does not go with something in the file.
  hubbub.variables = {{"HUBBUB_TLS_KEY", "key.pem"}};
  CHECK(hubbub({"check-config", good}) == exit_usage);
  CHECK_THAT(hubbub.err.str(), StartsWith("HUBBUB_TLS_KEY: tls.key: "));
  // What a file leaves to a variable.
  hubbub.variables = {{"HUBBUB_AUTH_ANONYMOUS", "true"}};
  CHECK(hubbub({"check-config", dir.file("empty.toml", "")}) == exit_ok);
  CHECK(hubbub({"check-config", "--help"}) == exit_ok);
  CHECK_THAT(hubbub.out.str(), Contains("variables"));
}

TEST_CASE("a variable that means nothing is named, and stops nothing", "[cli]") {
  temp_dir dir;
  program hubbub;
  const auto good = dir.file("good.toml", "[auth]\nanonymous = true\n");
  hubbub.variables = {
      {"HUBBUB_LIMIT_ROOMS", "a-secret"}, {"HUBBUB_LISTEN", "127.0.0.1:1"}, {"HUBBUB_WHAT", ""}};
  CHECK(hubbub({"check-config", good}) == exit_ok);
  const std::string rooms =
      "HUBBUB_LIMIT_ROOMS: there is no such variable; did you mean HUBBUB_LIMITS_ROOMS?";
  const std::string what = "HUBBUB_WHAT: there is no such variable";
  CHECK_THAT(hubbub.err.str(), Contains("note: " + rooms + "\nnote: " + what + "\n"));
  CHECK_THAT(hubbub.err.str(), !Contains("a-secret"));
  REQUIRE(hubbub({"serve", "--config", good}) == exit_ok);
  CHECK_THAT(hubbub.served->warnings, VectorContains(rooms) && VectorContains(what));
  // What is missing may stand under a wrong name.
  hubbub.variables = {{"HUBBUB_HS256_KEYFILE", "key"}};
  CHECK(hubbub({"serve"}) == exit_usage);
  CHECK_THAT(hubbub.err.str(), EndsWith("\nHUBBUB_HS256_KEYFILE: there is no such variable; did you mean "
                                        "HUBBUB_HS256_KEY_FILE?\n"));
}

TEST_CASE("check-config looks into the files for TLS to NATS, if they are there", "[cli]") {
  temp_dir dir;
  program hubbub;
  const std::string nats = "[auth]\nanonymous = true\n[nats]\nurl = \"tls://a:4222\"\ntls_ca = \"";
  const auto none = dir.file("none.toml", nats + dir.path() + "/none.pem\"\n");
  CHECK(hubbub({"check-config", none}) == exit_ok);
  CHECK_THAT(hubbub.err.str(), Contains("note: nats.tls_ca: " + dir.path() + "/none.pem cannot be read: "));
  const auto pem = dir.file("ca.pem", "no certificate\n");
  const auto wrong = dir.file("wrong.toml", nats + pem + "\"\n");
  CHECK(hubbub({"check-config", wrong}) == exit_usage);
  CHECK_THAT(hubbub.err.str(), Contains("hubbub: nats.tls_ca: " + pem + " holds no certificate in PEM\n"));
}

TEST_CASE("the example configuration is right", "[cli]") {
  program hubbub;
  const std::string file = HUBBUB_SOURCE_DIR "/docs/hubbub.example.toml";
  CHECK(hubbub({"check-config", file}) == exit_ok);
  INFO(hubbub.err.str());
  CHECK(hubbub.out.str() == file + ": ok\n");
}

TEST_CASE("token makes what a node verifies", "[cli]") {
  temp_dir dir;
  program hubbub;
  const auto file = dir.file("key", secret + "\n");
  REQUIRE(hubbub({"token", "--key-file", file, "--sub", "ann", "--grant", "chat.>=join,publish", "--grant",
                  "a.b=c=history", "--ttl", "2m", "--jti", "t1", "--user-info", R"({"name":"Ann"})"}) ==
          exit_ok);
  auto token = hubbub.out.str();
  REQUIRE(token.ends_with("\n"));
  token.pop_back();
  const broker::system_clock time;
  jwt_authenticator door{{*signing_key::from_secret(secret)}, {}, time};
  auto who = door.verify(token);
  REQUIRE(who.has_value());
  CHECK(who->user == "ann");
  CHECK(who->token_id == "t1");
  CHECK(who->user_info == R"({"name":"Ann"})");
  CHECK(who->allowed.on("chat.1") == (broker::right::join | broker::right::publish));
  CHECK(who->allowed.on("a.b=c") == broker::right::history);
  CHECK(who->expires_ms - who->issued_ms == 120'000);

  hubbub.variables["HUBBUB_HS256_KEY_FILE"] = file;
  CHECK(hubbub({"token", "--sub", "ann"}) == exit_ok);
}

TEST_CASE("token says what is wrong and shows no secret", "[cli]") {
  temp_dir dir;
  program hubbub;
  const auto file = dir.file("key", secret);
  const auto wrong = [&](std::vector<std::string> more, int code, const std::string& words) {
    more.insert(more.begin(), {"token", "--sub", "ann"});
    CHECK(hubbub(more) == code);
    CHECK_THAT(hubbub.err.str(), Contains(words));
    CHECK(hubbub.out.str().empty());
  };
  wrong({}, exit_usage, "--key-file is missing");
  wrong({"--key-file", dir.path() + "/none"}, exit_failed, "cannot be read");
  wrong({"--key-file", dir.file("short", "hunter2")}, exit_failed, "at least 32 are needed");
  CHECK(hubbub.err.str().find("hunter2") == std::string::npos);
  wrong({"--key-file", file, "--ttl", "soon"}, exit_usage, "--ttl: expected a duration");
  wrong({"--key-file", file, "--ttl", "0s"}, exit_usage, "--ttl");
  wrong({"--key-file", file, "--grant", "chat.>"}, exit_usage, "--grant: expected a room pattern");
  wrong({"--key-file", file, "--grant", "chat..x=join"}, exit_usage,
        "--grant: a room pattern has an empty token");
  wrong({"--key-file", file, "--grant", "chat.>=joyn"}, exit_usage, "\"joyn\" is none of join");
  wrong({"--key-file", file, "--grant", "chat.>="}, exit_usage, "names no right");
  wrong({"--key-file", file, "--user-info", "{"}, exit_usage, "user_info");
}

TEST_CASE("publish posts to the admin listener and prints the answer", "[cli][slow]") {
  program hubbub;
  one_answer_server node{200, "{\"event_id\":\"e-1\",\"offset\":7}\n"};
  REQUIRE(hubbub({"publish", "--admin", node.address(), "--key", "0123456789abcdef", "--room", "chat.42",
                  "--type", "no\"te", "--data", R"({"text":["hi"]})", "--event-id", "e-1", "--event-key",
                  "k"}) == exit_ok);
  CHECK(hubbub.out.str() == "{\"event_id\":\"e-1\",\"offset\":7}\n");
  const auto request = node.request();
  CHECK_THAT(request, StartsWith("POST /v1/publish HTTP/1.1\r\n") &&
                          Contains("Authorization: Bearer 0123456789abcdef\r\n") &&
                          Contains("Content-Type: application/json\r\n"));
  CHECK(request.substr(request.find("\r\n\r\n") + 4) ==
        R"({"room":"chat.42","type":"no\"te","key":"k","event_id":"e-1","data":{"text":["hi"]}})");
}

TEST_CASE("publish takes room and data by place, and data from standard input", "[cli][slow]") {
  program hubbub;
  one_answer_server node{200, "{}"};
  hubbub.variables = {{"HUBBUB_ADMIN", node.address()}, {"HUBBUB_ADMIN_KEY", "0123456789abcdef"}};
  hubbub.in.str("[1,2]\n");
  REQUIRE(hubbub({"publish", "chat.42", "-"}) == exit_ok);
  const auto request = node.request();
  CHECK_THAT(request, Contains("Bearer 0123456789abcdef\r\n"));
  CHECK_THAT(request, Contains("\r\n\r\n{\"room\":\"chat.42\",\"type\":\"message\",\"data\":[1,2]\n}"));
}

TEST_CASE("publish says why the node refused, or that nobody answers", "[cli][slow]") {
  program hubbub;
  {
    one_answer_server node{403, R"({"code":"forbidden","message":"the key is wrong"})"};
    CHECK(hubbub({"publish", "--admin", node.address(), "chat.42", "1"}) == exit_failed);
    CHECK(hubbub.err.str() == "hubbub: the node refused it: forbidden: the key is wrong\n");
    one_answer_server odd{500, "<html>"};
    CHECK(hubbub({"publish", "--admin", odd.address(), "chat.42", "[1,2]"}) == exit_failed);
    CHECK(hubbub.err.str() == "hubbub: the node refused it: status 500\n");
    hubbub.variables["HUBBUB_ADMIN"] = node.address();
  }
  CHECK(hubbub({"publish", "chat.42", "1"}) == exit_failed);
  CHECK_THAT(hubbub.err.str(), StartsWith("hubbub: no answer from http://127.0.0.1:"));
  CHECK(hubbub({"publish", "chat", "1"}) == exit_usage);
  CHECK_THAT(hubbub.err.str(), StartsWith("hubbub: --room: "));
  CHECK(hubbub({"publish", "chat.42", "hello"}) == exit_usage);
  CHECK_THAT(hubbub.err.str(), StartsWith("hubbub: --data: is not one JSON value"));
}
