#include "broker/daemon/jose_handles.hpp"
#include "broker/daemon/sealed_tickets.hpp"
#include "broker/daemon/ticket_key.hpp"

#include "tests/daemon/config_fixture.hpp"
#include "tests/support/catch.hpp"

#include <set>

using namespace hubbub;
using namespace hubbub::daemon;
using namespace hubbub::daemon::test;
using namespace std::chrono_literals;
using broker::right;
using broker::ticket_flaw;

namespace {

const broker::session_id session{0xabcdef};

ticket_key key(char letter) { return *ticket_key::from_secret(std::string(32, letter)); }

broker::identity ann(const broker::clock& time) {
  broker::identity who;
  who.user = "ann \xc3\xa9";
  who.user_info = R"({"team":1})";
  who.token_id = "t-1";
  who.expires_ms = time.unix_ms() + 7'200'000;
  who.issued_ms = time.unix_ms() - 1'000;
  who.allowed.add(*broker::room_pattern::parse("chat.>"), right::join | right::publish);
  who.allowed.add(*broker::room_pattern::parse("orders.*"), right::call);
  return who;
}

struct ticket_fixture {
  broker::manual_clock time;
  sealed_tickets office{{key('a')}, 1h, time};

  std::string flaw(const broker::ticket_office& at, const std::string& text) const {
    const auto opened = at.open(text);
    const auto* f = std::get_if<ticket_flaw>(&opened);
    return f ? std::string{name(*f)} : "";
  }
};

std::string decoded(const std::string& text) {
  std::string bytes(jose_b64_dec_buf(text.data(), text.size(), nullptr, 0), '\0');
  jose_b64_dec_buf(text.data(), text.size(), bytes.data(), bytes.size());
  return bytes;
}
std::string encoded(const std::string& bytes) {
  std::string text(jose_b64_enc_buf(nullptr, bytes.size(), nullptr, 0), '\0');
  jose_b64_enc_buf(bytes.data(), bytes.size(), text.data(), text.size());
  return text;
}

} // namespace

TEST_CASE_METHOD(ticket_fixture, "a ticket restores all that its token proved", "[tickets]") {
  const auto who = ann(time);
  const auto text = office.seal(who, session);
  CHECK(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
        text.npos);
  CHECK(text.size() < 250);
  CHECK(decoded(text).find("ann") == std::string::npos);
  const auto opened = office.open(text);
  REQUIRE(std::holds_alternative<broker::ticket>(opened));
  const auto& t = std::get<broker::ticket>(opened);
  CHECK(t.session == session);
  CHECK(t.expires_ms == time.unix_ms() + 3'600'000);
  CHECK(t.who.user == who.user);
  CHECK(t.who.user_info == who.user_info);
  CHECK(t.who.token_id == who.token_id);
  CHECK(t.who.expires_ms == who.expires_ms);
  CHECK(t.who.issued_ms == who.issued_ms);
  CHECK(t.who.allowed == who.allowed);
  // Nobody can tell two of one session apart, or find that they are of one.
  CHECK(office.seal(who, session) != text);
  const auto nobody = std::get<broker::ticket>(office.open(office.seal({}, session)));
  CHECK(nobody.who.user.empty());
  CHECK(nobody.who.expires_ms == 0);
}

TEST_CASE_METHOD(ticket_fixture, "a ticket of which anything was changed is refused", "[tickets]") {
  const auto text = office.seal(ann(time), session);
  const auto bytes = decoded(text);
  REQUIRE(encoded(bytes) == text);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ (1 << i % 8));
    CAPTURE(i);
    const auto why = flaw(office, encoded(changed));
    if (i == 0)
      CHECK((why == "older_version" || why == "newer_version"));
    else
      CHECK(why == (i < 5 ? "foreign" : "tampered"));
  }
  for (std::size_t size = 0; size < text.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(flaw(office, text.substr(0, size)).empty());
  }
  for (const auto& more : {text + "A", text + "=", text + "\n", " " + text, text + text})
    CHECK_FALSE(flaw(office, more).empty());
  for (const auto& rubbish : {std::string{}, std::string{"t"}, std::string(8193, 'A'), std::string("a.b.c")})
    CHECK(flaw(office, rubbish) == "malformed");
}

TEST_CASE_METHOD(ticket_fixture, "a ticket ends with its time or with its token's", "[tickets]") {
  const auto long_token = office.seal(ann(time), session);
  auto soon = ann(time);
  soon.expires_ms = time.unix_ms() + 60'000;
  const auto short_token = office.seal(soon, session);
  time.advance(59s);
  CHECK(flaw(office, short_token).empty());
  time.advance(1s);
  CHECK(flaw(office, short_token) == "expired");
  CHECK(flaw(office, long_token).empty());
  time.advance(59min);
  CHECK(flaw(office, long_token) == "expired");
  CHECK(broker::refused(ticket_flaw::expired).code == broker::errc::expired);
}

TEST_CASE_METHOD(ticket_fixture, "keys are changed without a ticket being lost", "[tickets]") {
  const auto old = office.seal(ann(time), session);
  // The new key is known everywhere before the first node seals with it.
  const sealed_tickets knows{{key('a'), key('b')}, 1h, time}, seals{{key('b'), key('a')}, 1h, time};
  const sealed_tickets done{{key('b')}, 1h, time};
  CHECK(flaw(knows, old).empty());
  CHECK(flaw(seals, old).empty());
  CHECK(flaw(done, old) == "foreign");
  const auto fresh = seals.seal(ann(time), session);
  CHECK(flaw(knows, fresh).empty());
  CHECK(flaw(done, fresh).empty());
  CHECK(flaw(office, fresh) == "foreign");
  CHECK(flaw(office, knows.seal(ann(time), session)).empty());
}

TEST_CASE_METHOD(ticket_fixture, "tickets of other versions are refused by name", "[tickets]") {
  auto bytes = decoded(office.seal(ann(time), session));
  bytes[0] = 0;
  CHECK(flaw(office, encoded(bytes)) == "older_version");
  bytes[0] = 2;
  CHECK(flaw(office, encoded(bytes)) == "newer_version");
}

TEST_CASE_METHOD(ticket_fixture, "a ticket that would not fit a header is not made", "[tickets]") {
  auto who = ann(time);
  std::size_t largest = 0;
  for (auto i = 0; i < 200; ++i) {
    who.allowed.add(*broker::room_pattern::parse("chat." + std::string(100, 'x') + std::to_string(i)),
                    right::join);
    const auto text = office.seal(who, session);
    if (text.empty())
      break;
    largest = text.size();
    CHECK(flaw(office, text).empty());
  }
  CHECK(largest > 8000);
  CHECK(largest <= broker::ticket_office::max_size);
  CHECK(office.seal(who, session).empty());
}

TEST_CASE("each flaw has a name of its own, and a sentence", "[tickets]") {
  std::set<std::string_view> names;
  std::set<std::string> sentences;
  for (std::size_t i = 0; i < broker::ticket_flaws; ++i) {
    names.insert(name(static_cast<ticket_flaw>(i)));
    sentences.insert(broker::refused(static_cast<ticket_flaw>(i)).message);
  }
  CHECK(names.size() == broker::ticket_flaws);
  CHECK(sentences.size() == broker::ticket_flaws);
}

TEST_CASE("a ticket's key comes from a file, and is as long as it must be", "[tickets]") {
  temp_dir dir;
  const auto good = dir.file("good.key", std::string(40, 'k') + "\n");
  const auto read = ticket_key::from_file(good);
  REQUIRE(read.has_value());
  CHECK(read->bytes() == ticket_key::from_secret(std::string(40, 'k'))->bytes());
  CHECK(read->bytes() != std::string(32, 'k'));
  CHECK(read->id() != key('a').id());
  const auto small = dir.file("small.key", "hunter2");
  const auto no = ticket_key::from_file(small);
  REQUIRE_FALSE(no.has_value());
  CHECK(no.error().message.starts_with(small + ": the secret has 7 bytes"));
  CHECK(no.error().message.find("hunter2") == std::string::npos);
  CHECK_FALSE(ticket_key::from_file(dir.path() + "/none").has_value());
  CHECK(ticket_key::random()->bytes() != ticket_key::random()->bytes());
}
