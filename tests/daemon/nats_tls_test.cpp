#include "broker/daemon/nats_tls.hpp"
#include "broker/daemon/open_bus.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/certificate.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

using namespace hubbub;
using tests::test_certificate;

namespace {

std::string text_in(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream{file}.rdbuf();
  return text.str();
}

/// Files for NATS that are right.
struct nats_tls_fixture {
  nats_tls_fixture() {
    how.tls_ca = how.tls_cert = mine.certificate_file();
    how.tls_key = mine.key_file();
  }
  /// Empty: nothing is wrong.
  [[nodiscard]] std::string fault() const {
    const auto found = daemon::check_nats_tls(how);
    return found ? found->sentence : "";
  }
  test_certificate mine{"n1"};
  daemon::nats_config how;
};

} // namespace

TEST_CASE_METHOD(nats_tls_fixture, "files that fit each other are right, and so is none", "[config][tls]") {
  CHECK(fault().empty());
  how = {};
  CHECK(fault().empty());
  how.url = "tls://a:4222";
  CHECK(fault().empty());
}

TEST_CASE_METHOD(nats_tls_fixture, "a file that is not there is named with its key", "[config][tls]") {
  const std::string gone = mine.key_file() + ".gone";
  for (auto [key, file] : {std::pair{"tls_ca", &daemon::nats_config::tls_ca},
                           {"tls_cert", &daemon::nats_config::tls_cert},
                           {"tls_key", &daemon::nats_config::tls_key}}) {
    auto one = how;
    one.*file = gone;
    const auto found = daemon::check_nats_tls(one);
    REQUIRE(found);
    CHECK(found->unread);
    CHECK(found->sentence ==
          std::string{"nats."} + key + ": " + gone + " cannot be read: No such file or directory");
  }
  how.tls_ca = std::filesystem::path{mine.key_file()}.parent_path();
  CHECK_THAT(fault(), Catch::Matchers::Contains("cannot be read: Is a directory"));
}

TEST_CASE_METHOD(nats_tls_fixture, "a file that is not what it should be is named with its key",
                 "[config][tls]") {
  how.tls_ca = mine.key_file();
  CHECK(fault() == "nats.tls_ca: " + mine.key_file() + " holds no certificate in PEM");
  how.tls_ca.clear();
  std::swap(how.tls_cert, how.tls_key);
  CHECK(fault() == "nats.tls_cert: " + mine.key_file() + " holds no certificate in PEM");
  how.tls_cert = how.tls_key;
  const auto found = daemon::check_nats_tls(how);
  REQUIRE(found);
  CHECK_FALSE(found->unread);
  CHECK(found->sentence == "nats.tls_key: " + mine.certificate_file() + " holds no private key in PEM");
}

TEST_CASE_METHOD(nats_tls_fixture, "a key of another certificate is refused", "[config][tls]") {
  const test_certificate other{"n1"};
  how.tls_key = other.key_file();
  CHECK(fault() == "nats.tls_key: " + other.key_file() +
                       " is not the key of the certificate in nats.tls_cert (" + how.tls_cert + ")");
}

TEST_CASE_METHOD(nats_tls_fixture, "a key with a passphrase is refused, and nobody is asked for it",
                 "[config][tls]") {
  const auto command = "openssl ec -in " + mine.key_file() + " -aes128 -passout pass:secret -out " +
                       mine.key_file() + ".locked 2>/dev/null";
  REQUIRE(std::system(command.c_str()) == 0);
  how.tls_key = mine.key_file() + ".locked";
  REQUIRE_THAT(text_in(how.tls_key), Catch::Matchers::Contains("ENCRYPTED"));
  CHECK(fault() ==
        "nats.tls_key: " + how.tls_key + " is encrypted, and nobody is there to type its passphrase");
}

TEST_CASE_METHOD(nats_tls_fixture, "a certificate with a passphrase is refused, and nobody is asked for it",
                 "[config][tls]") {
  const auto locked = mine.locked_certificate_file();
  REQUIRE_THAT(text_in(locked), Catch::Matchers::Contains("ENCRYPTED"));
  for (auto [key, file] :
       {std::pair{"tls_ca", &daemon::nats_config::tls_ca}, {"tls_cert", &daemon::nats_config::tls_cert}}) {
    const auto right = std::exchange(how.*file, locked);
    CHECK(fault() == std::string{"nats."} + key + ": " + locked +
                         " is encrypted, and nobody is there to type its passphrase");
    how.*file = right;
  }
}

TEST_CASE_METHOD(nats_tls_fixture, "one URL with tls demands it of every server", "[config][tls]") {
  daemon::config all;
  all.nats.url = "nats://a:4222,tls://b:4222";
  CHECK(daemon::nats_options_of(all).tls.required);
  all.nats.url = "nats://a:4222";
  all.nats.tls_ca = how.tls_ca;
  const auto options = daemon::nats_options_of(all);
  CHECK_FALSE(options.tls.required);
  CHECK(options.tls.authorities == how.tls_ca);
}
