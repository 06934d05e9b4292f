#include "broker/daemon/admin_keys.hpp"
#include "broker/daemon/jose_handles.hpp"
#include "broker/daemon/jwt.hpp"

#include "tests/daemon/config_fixture.hpp"

#include <atomic>
#include <ctime>
#include <thread>

using namespace hubbub;
using namespace hubbub::daemon;
using namespace hubbub::daemon::test;
using broker::errc;
using broker::right;
using namespace std::chrono_literals;

namespace {

const std::string hs_secret(32, 's');
const std::string other_secret(40, 'o');

std::string base64(std::string_view text) {
  json_ptr j{jose_b64_enc(text.data(), text.size())};
  return json_string_value(j.get());
}

/// A token of any header and claims, signed with HS256 whatever the header says.
std::string token_of(const std::string& header, const std::string& claims,
                     const std::string& with = hs_secret) {
  json_ptr jws{json_pack("{s:o}", "payload", json_stringn(base64(claims).data(), base64(claims).size()))};
  json_ptr jwk{json_pack("{s:s,s:s,s:s}", "kty", "oct", "alg", "HS256", "k", base64(with).c_str())};
  // jose signs `<header>.<payload>` of the text it is given, so hand it the header ready-made.
  json_ptr sig{json_pack("{s:s,s:{s:s}}", "protected", base64(header).c_str(), "header", "alg", "HS256")};
  auto cfg = quiet_jose();
  const char* signature = nullptr;
  if (!jose_jws_sig(cfg.get(), jws.get(), sig.get(), jwk.get()) ||
      json_unpack(jws.get(), "{s:s}", "signature", &signature) != 0)
    return base64(header) + "." + base64(claims) + "." + base64(std::string(32, 'x'));
  return base64(header) + "." + base64(claims) + "." + signature;
}

struct fixture {
  broker::manual_clock time;
  jwt_authenticator door{
      {*signing_key::from_secret(other_secret), *signing_key::from_secret(hs_secret)}, {}, time};

  broker::refusal refused(const std::string& token) {
    auto who = door.verify(token);
    REQUIRE_FALSE(who.has_value());
    // A token must not come back in what we say.
    CHECK((token.size() < 8 || who.error().message.find(token.substr(0, 8)) == std::string::npos));
    return who.error();
  }
  std::string mint(const token_request& what, const std::string& with = hs_secret) {
    auto made = mint_token(*signing_key::from_secret(with), what, time.unix_ms());
    REQUIRE(made.has_value());
    return *made;
  }
  token_request ann() {
    token_request what;
    what.user = "ann";
    what.grants = {{*broker::room_pattern::parse("chat.>"), right::join | right::publish},
                   {*broker::room_pattern::parse("orders.*"), right::call}};
    return what;
  }
};

const std::string hs256 = R"({"alg":"HS256","typ":"JWT"})";
constexpr std::int64_t now_s = 1'700'000'000;

} // namespace

TEST_CASE_METHOD(fixture, "a minted token tells who its bearer is and what they may do", "[jwt]") {
  auto what = ann();
  what.token_id = "t-1";
  what.user_info = R"({ "name": "Ann é" })";
  auto who = door.verify(mint(what));
  REQUIRE(who.has_value());
  CHECK(who->user == "ann");
  CHECK(who->token_id == "t-1");
  CHECK(who->user_info == R"({"name":"Ann é"})");
  CHECK(who->issued_ms == time.unix_ms());
  CHECK(who->expires_ms == time.unix_ms() + 3'600'000);
  CHECK(who->allowed.on("chat.42") == (right::join | right::publish));
  CHECK(who->allowed.on("orders.7") == right::call);
  CHECK(who->allowed.on("orders.7.items") == right::none);
}

TEST_CASE_METHOD(fixture, "each of several keys opens, a foreign one does not", "[jwt]") {
  CHECK(door.verify(mint(ann(), hs_secret)).has_value());
  CHECK(door.verify(mint(ann(), other_secret)).has_value());
  CHECK(refused(mint(ann(), std::string(32, 'f'))).message == "the token's signature does not fit");
}

TEST_CASE_METHOD(fixture, "a token's time is kept to the second, without allowance", "[jwt]") {
  auto what = ann();
  what.lives = 10s;
  const auto token = mint(what);
  time.advance(9'999ms);
  CHECK(door.verify(token).has_value());
  time.advance(1ms);
  CHECK(refused(token).code == errc::expired);

  const auto early = token_of(hs256, R"({"sub":"ann","exp":1700009999,"nbf":1700000020})");
  CHECK(refused(early).code == errc::unauthorized);
  time.advance(10s);
  CHECK(door.verify(early).has_value());
}

TEST_CASE_METHOD(fixture, "only HS256 is taken for HS256", "[jwt]") {
  const std::string claims = R"({"sub":"ann","exp":1800000000})";
  REQUIRE(door.verify(token_of(hs256, claims)).has_value());
  for (auto header : {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"HS512"})", R"({"alg":"HS384"})",
                      R"({"alg":"RS256"})", R"({"alg":"ES256"})", R"({"alg":"hs256"})", R"({})", R"([])", "x",
                      R"({"alg":["HS256"]})", R"({"alg":"none","alg":"HS256"})",
                      R"({"alg":"HS256","alg":"HS256"})", R"({"alg":"HS256","crit":["b64"],"b64":false})"}) {
    INFO(header);
    CHECK(refused(token_of(header, claims)).message == "the token is not signed with HS256");
  }
  // Unsigned, in every spelling.
  const auto none = base64(R"({"alg":"none"})") + "." + base64(claims) + ".";
  CHECK(refused(none).code == errc::unauthorized);
  CHECK(refused(base64(hs256) + "." + base64(claims) + ".").message == "the token's signature does not fit");
}

TEST_CASE_METHOD(fixture, "a token changed anywhere is refused", "[jwt]") {
  const auto token = mint(ann());
  for (std::size_t i = 0; i < token.size(); i += 3) {
    auto changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    // The last character of 43 has bits that mean nothing.
    if (i + 1 < token.size())
      CHECK(refused(changed).code == errc::unauthorized);
  }
  for (std::size_t size :
       {std::size_t{0}, std::size_t{1}, token.size() / 2, token.size() - 1, token.size() - 30})
    CHECK(refused(token.substr(0, size)).code == errc::unauthorized);
  CHECK(refused(token + "A").code == errc::unauthorized);
  CHECK(refused(token + ".").code == errc::unauthorized);
  CHECK(refused(token + "." + token).code == errc::unauthorized);
  CHECK(refused("..").code == errc::unauthorized);
  CHECK(refused(std::string(2'000, 'a') + token.substr(token.find('.'))).message == "the token is not a JWT");
  CHECK(refused(std::string(20'000, 'a')).message == "the token has more than 16384 bytes");
}

TEST_CASE_METHOD(fixture, "claims that are not what they must be are refused by name", "[jwt]") {
  struct row {
    std::string claims, word;
  };
  const auto with = [](const std::string& more) { return R"({"sub":"ann","exp":1800000000,)" + more + "}"; };
  const row rows[] = {
      {"[]", "JSON object"},
      {"{", "JSON object"},
      {R"({"sub":"ann"})", "(exp) is missing"},
      {R"({"sub":"ann","exp":"1800000000"})", "exp is not a time"},
      {R"({"sub":"ann","exp":-1})", "exp is not a time"},
      {R"({"sub":"ann","exp":1e300})", "exp is not a time"},
      {R"({"exp":1800000000})", "(sub)"},
      {R"({"sub":"","exp":1800000000})", "(sub)"},
      {R"({"sub":7,"exp":1800000000})", "(sub)"},
      {R"({"sub":"a\nb","exp":1800000000})", "(sub)"},
      {R"({"sub":")" + std::string(129, 'a') + R"(","exp":1800000000})", "(sub)"},
      {with(R"("exp":1900000000)"), "twice"},
      {with(R"("nbf":"x")"), "nbf"},
      {with(R"("iat":null)"), "iat"},
      {with(R"("jti":1)"), "(jti)"},
      {with(R"("grants":["chat.>"])"), "grants"},
      {with(R"("grants":{"chat.>":"join"})"), "grants"},
      {with(R"("grants":{"chat.>":["joyn"]})"), "grants name a right"},
      {with(R"("grants":{"chat..x":["join"]})"), "no room pattern"},
      {with(R"("user_info":")" + std::string(1023, 'a') + "\""), "user_info"},
  };
  for (const auto& [claims, word] : rows) {
    INFO(claims);
    auto why = refused(token_of(hs256, claims));
    CHECK(why.code == errc::unauthorized);
    CHECK_THAT(why.message, Catch::Matchers::Contains(word));
  }
  CHECK(door.verify(token_of(hs256, with(R"("user_info":")" + std::string(1022, 'a') + "\""))).has_value());
}

TEST_CASE_METHOD(fixture, "issuer and audience count when they are configured", "[jwt]") {
  jwt_authenticator strict{
      {*signing_key::from_secret(hs_secret)}, {"https://id.example.com", "hubbub"}, time};
  const auto with = [](const std::string& more) {
    return token_of(hs256, R"({"sub":"ann","exp":1800000000)" + more + "}");
  };
  CHECK(strict.verify(with(R"(,"iss":"https://id.example.com","aud":"hubbub")")).has_value());
  CHECK(strict.verify(with(R"(,"iss":"https://id.example.com","aud":["x","hubbub"])")).has_value());
  for (auto more :
       {"", R"(,"iss":"https://id.example.com")", R"(,"aud":"hubbub")",
        R"(,"iss":"https://id.example.com","aud":"other")", R"(,"iss":"https://id.example.com","aud":[])",
        R"(,"iss":"https://evil.example","aud":"hubbub")", R"(,"iss":1,"aud":"hubbub")"}) {
    INFO(more);
    CHECK_FALSE(strict.verify(with(more)).has_value());
    CHECK(door.verify(with(more)).has_value());
  }
}

TEST_CASE_METHOD(fixture, "what could not be verified is not minted", "[jwt]") {
  auto key = *signing_key::from_secret(hs_secret);
  auto what = ann();
  what.user_info = "{";
  CHECK_FALSE(mint_token(key, what, time.unix_ms()).has_value());
  what.user_info = '"' + std::string(1030, 'a') + '"';
  CHECK_FALSE(mint_token(key, what, time.unix_ms()).has_value());
  what = ann();
  what.user = "";
  CHECK_FALSE(mint_token(key, what, time.unix_ms()).has_value());
  what.user = "\xff";
  CHECK_FALSE(mint_token(key, what, time.unix_ms()).has_value());
}

TEST_CASE_METHOD(fixture, "threads may verify with the same keys at once", "[jwt]") {
  const auto token = mint(ann());
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i)
        good += door.verify(token).has_value();
    });
  for (auto& t : threads)
    t.join();
  CHECK(good == 2000);
}

TEST_CASE("a key's file holds the secret as it is or behind base64:", "[jwt]") {
  temp_dir dir;
  broker::manual_clock time;
  const auto opens = [&](const std::string& file, const std::string& with) {
    auto key = signing_key::from_file(file);
    REQUIRE(key.has_value());
    token_request what;
    what.user = "ann";
    auto token = mint_token(*signing_key::from_secret(with), what, time.unix_ms());
    return jwt_authenticator{{*key}, {}, time}.verify(*token).has_value();
  };
  CHECK(opens(dir.file("raw", hs_secret), hs_secret));
  CHECK(opens(dir.file("line", hs_secret + "\r\n"), hs_secret));
  const std::string bytes = "\xff\xfe" + hs_secret;
  CHECK(opens(dir.file("url", "base64:" + base64(bytes) + "\n"), bytes));
  CHECK(opens(dir.file("std", "base64://5" + base64(bytes).substr(3) + "=="), bytes));
  // Text that happens to be base64 is a secret as it stands.
  CHECK(opens(dir.file("text", base64(bytes)), base64(bytes)));
}

TEST_CASE("a key's file that cannot serve is refused with its name and never shown", "[jwt]") {
  temp_dir dir;
  const auto why = [](const std::string& file) {
    auto key = signing_key::from_file(file);
    REQUIRE_FALSE(key.has_value());
    CHECK(key.error().message.starts_with(file + ": "));
    CHECK(key.error().message.find("hunter2") == std::string::npos);
    return key.error().message.substr(file.size() + 2);
  };
  CHECK(why(dir.file("short", "hunter2\n")) ==
        "the secret has 7 bytes, at least 32 are needed; make one with: openssl rand -base64 48");
  CHECK(why(dir.file("empty", "")).starts_with("the secret has 0 bytes"));
  CHECK(why(dir.file("bad", "base64:hunter2!")) == "what follows \"base64:\" is not base64");
  CHECK(why(dir.file("long", std::string(1025, 'x'))) == "the secret has more than 1024 bytes");
  CHECK(why(dir.path() + "/none") == "cannot be read: No such file or directory");
}

TEST_CASE("the admin listener opens for each of its keys and nothing else", "[jwt]") {
  admin_keys keys{{"0123456789abcdef", "fedcba9876543210"}, false};
  CHECK(keys.opened_by("Bearer 0123456789abcdef"));
  CHECK(keys.opened_by("bearer fedcba9876543210"));
  for (auto text : {"", "Bearer ", "Bearer", "0123456789abcdef", "Basic 0123456789abcdef",
                    "Bearer 0123456789abcde", "Bearer 0123456789abcdef0", "Bearer  0123456789abcdef"})
    CHECK_FALSE(keys.opened_by(text));
  CHECK_FALSE(admin_keys({}, false).opened_by("Bearer "));
  CHECK(admin_keys({}, true).opened_by(""));
}

TEST_CASE_METHOD(fixture, "what verifying costs", "[.bench]") {
  const auto token = mint(ann());
  constexpr int rounds = 20'000;
  const auto began = std::clock(); // of the processor, whatever else the machine does
  int good = 0;
  for (int i = 0; i < rounds; ++i)
    good += door.verify(token).has_value();
  const auto took = std::clock() - began;
  CHECK(good == rounds);
  WARN(1e6 * static_cast<double>(took) / CLOCKS_PER_SEC / rounds << " us, with the second of two keys");
}
