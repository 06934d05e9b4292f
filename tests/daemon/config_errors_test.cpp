#include "tests/daemon/config_fixture.hpp"

#include <algorithm>

using namespace hubbub::daemon;
using namespace hubbub::daemon::test;

namespace {

/// The only complaint about a file of `text`, behind a door that is open.
std::string only_complaint(std::string_view text) {
  auto wrong = bad(load{{{"HUBBUB_AUTH_ANONYMOUS", "true"}}}(text));
  for (const auto& line : wrong)
    UNSCOPED_INFO(line);
  REQUIRE(wrong.size() == 1);
  return wrong[0];
}

} // namespace

TEST_CASE("each wrong value is told with its line, its key and what is right", "[config]") {
  struct row {
    std::string text, complaint;
  };
  const row rows[] = {
      {"[limits]\n\nrooms = \"many\"",
       "hubbub.toml:3: limits.rooms: expected a positive integer, got \"many\""},
      {"[limits]\nrooms = 0", "hubbub.toml:2: limits.rooms: expected a positive integer, got 0"},
      {"[limits]\nrooms = -1", "hubbub.toml:2: limits.rooms: expected a positive integer, got -1"},
      {"[limits]\nrooms = 1.5", "hubbub.toml:2: limits.rooms: expected a positive integer, got 1.5"},
      {"[limits]\nrooms = true", "hubbub.toml:2: limits.rooms: expected a positive integer, got true"},
      {"[limits]\nrooms = []", "hubbub.toml:2: limits.rooms: expected a positive integer, got a list"},
      {"[server]\nloops = 65", "hubbub.toml:2: server.loops: expected an integer from 0 to 64, got 65"},
      {"[limits]\nconnections = 4294967296",
       "hubbub.toml:2: limits.connections: expected an integer of 0 or more, got 4294967296"},
      {"[limits]\nconnections_per_user = -1",
       "hubbub.toml:2: limits.connections_per_user: expected an integer of 0 or more, got -1"},
      {"[limits]\nhandshakes_per_second_per_ip = \"5\"",
       "hubbub.toml:2: limits.handshakes_per_second_per_ip: expected an integer of 0 or more, got \"5\""},
      {"[limits]\npayload_bytes = \"64k\"",
       "hubbub.toml:2: limits.payload_bytes: expected an integer from 1 to 16777216, got \"64k\""},
      {"[limits]\nping = 25",
       "hubbub.toml:2: limits.ping: expected a duration such as \"10s\" (units: ms s m h d), got 25"},
      {"[limits]\nping = \"25\"",
       "hubbub.toml:2: limits.ping: expected a duration such as \"10s\" (units: ms s m h d), got \"25\""},
      {"[limits]\nping = \"-1s\"",
       "hubbub.toml:2: limits.ping: expected a duration such as \"10s\" (units: ms s m h d), got \"-1s\""},
      {"[limits]\nping = \"2d\"",
       "hubbub.toml:2: limits.ping: expected a duration from 10ms to 1h, got \"2d\""},
      {"[log]\nformat = \"xml\"", "hubbub.toml:2: log.format: expected \"human\" or \"json\", got \"xml\""},
      {"[server]\ndev = \"yes\"", "hubbub.toml:2: server.dev: expected true or false, got \"yes\""},
      {"[server]\ndev = 1", "hubbub.toml:2: server.dev: expected true or false, got 1"},
      {"[server]\nlisten = \"example.com:80\"",
       "hubbub.toml:2: server.listen: expected an address and a port, such as \"127.0.0.1:8080\" or "
       "\"[::]:8080\", got \"example.com:80\""},
      {"[server]\nnode = \"a.b\"",
       "hubbub.toml:2: server.node: expected a name of 1 to 64 letters, digits, _ or -, got \"a.b\""},
      {"[server]\ndata_dir = 1979-05-27",
       "hubbub.toml:2: server.data_dir: expected a string, got a date or time"},
      {"[auth]\norigins = [\"example.com\"]", "hubbub.toml:2: auth.origins: expected origins such as "
                                              "\"https://app.example.com\", got \"example.com\""},
      {"[auth]\norigins = [1]",
       "hubbub.toml:2: auth.origins: expected a list of strings, got a list with something else in it"},
      {"[namespace.chat]\nkind = \"kept\"",
       "hubbub.toml:2: namespace.chat.kind: expected \"retained\" or \"live\", got \"kept\""},
      {"[namespace.chat]\nanyone = [\"call\"]",
       "hubbub.toml:2: namespace.chat.anyone: expected any of "
       "\"join\", \"publish\", \"history\", \"presence\", got \"call\""},
      {"[namespace.chat]\nanyone = [\"joyn\"]", "hubbub.toml:2: namespace.chat.anyone: expected any of "
                                                "\"join\", \"publish\", \"history\", \"presence\", "
                                                "got \"joyn\""},
      {"[namespace.\"a.b\"]",
       "hubbub.toml:1: namespace.a.b: a namespace's name is 1 to 64 letters, digits, _ or -"},
      {"[namespace]\nkind = \"live\"",
       "hubbub.toml:2: namespace.kind: expected a section such as [namespace.chat], got \"live\""},
      {"limits = 3", "hubbub.toml:1: limits: expected a section [limits], got 3"},
      {"[tls]\nkey = \"k.pem\"", "hubbub.toml:2: tls.key: tls.certificate and tls.key come together"},
      {"[nats]\ntls_cert = \"c.pem\"",
       "hubbub.toml:2: nats.tls_cert: nats.tls_cert and nats.tls_key come together"},
      {"[server]\nlisten = \"127.0.0.1:8081\"\nadmin = \"127.0.0.1:8081\"",
       "hubbub.toml:3: server.admin: is the same address as server.listen"},
  };
  for (const auto& [text, complaint] : rows) {
    INFO(text);
    CHECK(only_complaint(text) == complaint);
  }
}

TEST_CASE("a key that does not exist is told with what was probably meant", "[config]") {
  CHECK(only_complaint("[server]\nlisten = \"127.0.0.1:1\"\nloop = 2") ==
        "hubbub.toml:3: server.loop: there is no such key; did you mean \"loops\"?");
  CHECK(only_complaint("[namespace.chat]\nhistory_sise = 2") ==
        "hubbub.toml:2: namespace.chat.history_sise: there is no such key; did you mean \"history_size\"?");
  CHECK(only_complaint("[server]\nrooms = 2") ==
        "hubbub.toml:2: server.rooms: there is no such key; it belongs in [limits]");
  CHECK(only_complaint("[limits]\nlinger = \"2s\"") ==
        "hubbub.toml:2: limits.linger: there is no such key; it belongs in a [namespace.<name>]");
  CHECK(only_complaint("[sever]\n") ==
        "hubbub.toml:1: sever: there is no section [sever]; did you mean \"server\"?");
  CHECK(only_complaint("listen = \"127.0.0.1:1\"") ==
        "hubbub.toml:1: listen: keys stand in sections; it belongs in [server]");
  CHECK(only_complaint("[limits]\nzzzzzz = 1") == "hubbub.toml:2: limits.zzzzzz: there is no such key");
}

TEST_CASE("all errors are told at once, in the order of the file", "[config]") {
  auto wrong = bad(load{{}, {{"log-level", "loud"}}}("[limits]\nrooms = \"many\"\n"
                                                     "[server]\nlisten = 3\n"
                                                     "[log]\nfromat = \"json\"\n"
                                                     "[nats]\nurl = \"a:4222\"\n"));
  REQUIRE(wrong.size() == 6);
  CHECK(wrong[0].starts_with("hubbub.toml:2: limits.rooms:"));
  CHECK(wrong[1].starts_with("hubbub.toml:4: server.listen:"));
  CHECK(wrong[2] == "hubbub.toml:6: log.fromat: there is no such key; did you mean \"format\"?");
  CHECK(wrong[3].starts_with("hubbub.toml:8: nats.url:"));
  CHECK(wrong[4].starts_with("--log-level: log.level: expected \"debug\""));
  CHECK(wrong[5].starts_with("there is no key to verify tokens with"));
}

TEST_CASE("text that is no TOML is told with its line", "[config]") {
  auto complaint = only_complaint("[server]\nlisten = \n");
  CHECK(complaint.starts_with("hubbub.toml:2: "));
  CHECK(only_complaint("[server]\nloops = 1\nloops = 2\n").starts_with("hubbub.toml:3: "));
  auto none = load_config({.file = "/nowhere/hubbub.toml", .environment = {}, .flags = {}});
  CHECK(bad(none) == problems{"/nowhere/hubbub.toml: cannot be read: No such file or directory"});

  temp_dir dir;
  CHECK(bad(load_config({.file = dir.path(), .environment = {}, .flags = {}})) ==
        problems{dir.path() + ": cannot be read: Is a directory"});
}

TEST_CASE("an overflow that the kind does not know is refused", "[config]") {
  CHECK(
      only_complaint("[namespace.chat]\noverflow = \"conflate\"") ==
      "hubbub.toml:2: namespace.chat.overflow: retained rooms know \"catch_up\" and \"disconnect\"; for the "
      "others set kind = \"live\"");
  CHECK(only_complaint("[namespace.a]\nkind = \"live\"\noverflow = \"catch_up\"") ==
        "hubbub.toml:3: namespace.a.overflow: live rooms know \"drop_oldest\", \"drop_newest\", \"conflate\" "
        "and "
        "\"disconnect\"");
  CHECK(only_complaint("[namespace.default]\noverflow = \"drop_oldest\"")
            .starts_with("hubbub.toml:2: namespace.default.overflow: retained rooms know"));
}

TEST_CASE("NATS servers are addresses with a scheme", "[config]") {
  for (const std::string url : {"a:4222", "http://a:4222", "nats://", "nats://a:4222,",
                                "nats://a:4222, nats://b:4222", "nats://a/b", "nats://a\\nPUB x 0"}) {
    CAPTURE(url);
    CHECK(only_complaint("[nats]\nurl = '" + url + "'\n") ==
          "hubbub.toml:2: nats.url: expected nats://host:port, or several of them divided by commas");
  }
  CHECK(only_complaint("[nats]\nurl = \"nats://a:4222\"\n[server]\ndata_dir = \"here\"") ==
        "hubbub.toml:4: server.data_dir: is of no use with nats.url: the streams keep the events");
}

TEST_CASE("what this version cannot do is refused by name", "[config]") {
  CHECK(only_complaint("[auth]\njwks_url = \"https://id.example.com/keys\"") ==
        "hubbub.toml:2: auth.jwks_url: only HS256 tokens are built in yet; use auth.hs256_key_file");
}

TEST_CASE("backends are reached over NATS only", "[config]") {
  CHECK(only_complaint("[namespace.chat]\npublish = \"via_backend\"") ==
        "hubbub.toml:2: namespace.chat.publish: \"via_backend\" needs nats.url: backends are reached over "
        "NATS");
  // Those that inherit it are not named, too.
  CHECK(only_complaint("[namespace.default]\npublish = \"via_backend\"\n[namespace.chat]")
            .starts_with("hubbub.toml:2: namespace.default.publish: "));
  CHECK(only_complaint("[nats]\nnotify = [\"connected\"]") ==
        "hubbub.toml:2: nats.notify: needs nats.url: notices go to backends over NATS");
  CHECK(only_complaint("[nats]\nnotify = [\"conected\"]") ==
        "hubbub.toml:2: nats.notify: expected any of \"connected\", \"disconnected\", \"occupied\", "
        "\"vacated\", \"refused\", \"audit\", got \"conected\"");
  CHECK(only_complaint("[nats]\nnotify = true")
            .starts_with("hubbub.toml:2: nats.notify: expected a list of \"connected\""));
  CHECK(only_complaint("[limits]\nbackend_requests = 0")
            .starts_with("hubbub.toml:2: limits.backend_requests: "));
}

TEST_CASE("a revocation is held for as long as a ticket", "[config]") {
  CHECK(
      only_complaint("[auth]\nticket_ttl = \"2h\"\nrevocation_ttl = \"1h\"") ==
      "hubbub.toml:3: auth.revocation_ttl: must not be shorter than auth.ticket_ttl: a revoked ticket would "
      "count again");
  CHECK(
      only_complaint("[auth]\nticket_keys = [7]") ==
      "hubbub.toml:2: auth.ticket_keys: expected a file's name or a list of them, got a list with something "
      "else in it");
}

TEST_CASE("a drain has time to send somebody away", "[config]") {
  CHECK(only_complaint("[drain]\ngrace = \"70s\"\ndeadline = \"60s\"") ==
        "hubbub.toml:3: drain.deadline: must be longer than drain.grace, which is a part of it");
  CHECK(only_complaint("[drain]\ndeadline = \"0s\"").starts_with("hubbub.toml:2: drain.deadline: "));
  CHECK(only_complaint("[drain]\ngrace = \"1m\"") ==
        "hubbub.toml:2: drain.grace: must be shorter than drain.deadline, of which it is a part");
}

TEST_CASE("a secret is never repeated, whatever is wrong with it", "[config]") {
  for (auto text : {"[admin]\nkeys = \"hunter2\"", "[admin]\nkeys = [\"hunter2\"]"})
    CHECK(only_complaint(text).find("hunter2") == std::string::npos);
}
