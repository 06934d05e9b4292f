#include "tests/broker/command_recorder.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/other_json.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

using namespace hubbub::broker;
using namespace hubbub::broker::protocol;

namespace {

/// The fuzzer's seeds by file name.
std::vector<std::pair<std::string, std::string>> seeds() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& one :
       std::filesystem::directory_iterator{HUBBUB_SOURCE_DIR "/tests/fuzz/corpus/protocol"}) {
    std::ifstream in{one.path(), std::ios::binary};
    all.emplace_back(one.path().filename().string(), std::string{std::istreambuf_iterator<char>{in}, {}});
  }
  std::sort(all.begin(), all.end()); // a directory has no order of its own
  return all;
}

/// Changes texts a little, each time in the same way for the same seed.
class mutator {
public:
  explicit mutator(unsigned seed) : random_{seed} {}

  std::string operator()(std::string text, const std::string& other) {
    for (auto n = 1 + below(2); n > 0; --n)
      step(text, other);
    return text;
  }
  std::size_t below(std::size_t n) { return n == 0 ? 0 : random_() % n; }

private:
  void step(std::string& text, const std::string& other) {
    static constexpr std::string_view pieces[] = {"\"",
                                                  "\\",
                                                  "{",
                                                  "}",
                                                  "[",
                                                  "]",
                                                  ",",
                                                  ":",
                                                  "\\u",
                                                  "\\ud800",
                                                  "null",
                                                  "-",
                                                  "1e",
                                                  "0",
                                                  ".",
                                                  " ",
                                                  "\n",
                                                  "\t",
                                                  "\xff",
                                                  "\xc3",
                                                  "\xa9",
                                                  "\x01",
                                                  "é",
                                                  "\"id\":",
                                                  "\"room\":\"a.b\"",
                                                  "\"\"",
                                                  "99999999999999999999",
                                                  "\f"};
    const auto at = below(text.size() + 1);
    switch (below(6)) {
    case 0:
      text.insert(at, pieces[below(std::size(pieces))]);
      break;
    case 1:
      text.erase(at, 1 + below(8));
      break;
    case 2:
      if (at < text.size())
        text[at] = static_cast<char>(text[at] ^ 1 << below(8));
      break;
    case 3:
      text.insert(at, text.substr(below(text.size() + 1), below(16)));
      break;
    case 4:
      text = text.substr(0, at) + other.substr(below(other.size() + 1));
      break;
    default:
      if (at < text.size())
        text[at] = static_cast<char>(below(256));
    }
  }

  std::mt19937 random_;
};

} // namespace

TEST_CASE("the fuzzer's seeds are what their names say", "[protocol]") {
  REQUIRE(seeds().size() > 30);
  for (const auto& [name, text] : seeds()) {
    CAPTURE(name);
    const auto seen = parsed(text);
    CHECK_FALSE(seen.order.empty());
    CHECK(seen.refused.empty() == name.starts_with("ok_"));
  }
}

TEST_CASE("10,000 mutated frames each yield commands or a named refusal", "[protocol]") {
  const auto all = seeds();
  mutator change{20'260'101};
  parser p;
  auto commands = 0, refusals = 0;
  for (auto i = 0; i < 10'000; ++i) {
    const auto text = change(all[change.below(all.size())].second, all[change.below(all.size())].second);
    CAPTURE(text);
    command_recorder seen;
    p.parse(text, seen);
    if (seen.order.empty())
      FAIL("neither a command nor a refusal");
    for (const auto& one : seen.refused) {
      const auto code = one.why.code;
      if (code != errc::bad_frame && code != errc::bad_command && code != errc::bad_room &&
          code != errc::too_large)
        FAIL("refused with " << name(code));
      std::string out;
      encode_error(out, one.id, one.why);
      if (one.why.message.empty() || !nlohmann::json::accept(out))
        FAIL("a refusal that says nothing, or no JSON: " << out);
    }
    for (const auto& one : seen.commands)
      if (const auto* publish = std::get_if<publish_command>(&one.what))
        if (!hubbub::tests::may_be_json(publish->what.data, true) ||
            publish->what.data.find('\n') != std::string::npos)
          FAIL("data is no JSON on one line: " << publish->what.data);
    commands += static_cast<int>(seen.commands.size());
    refusals += static_cast<int>(seen.refused.size());
  }
  // Both ways were gone often enough to mean something.
  CHECK(commands > 300);
  CHECK(refusals > 5'000);
}

TEST_CASE("is_json agrees with another parser on 20,000 mutated texts", "[protocol]") {
  const auto all = seeds();
  mutator change{7};
  auto valid = 0;
  for (auto i = 0; i < 20'000; ++i) {
    const auto text = change(all[change.below(all.size())].second, all[change.below(all.size())].second);
    CAPTURE(text);
    const auto ours = is_json(text, 1'000);
    if (!hubbub::tests::may_be_json(text, ours))
      FAIL("ours says " << ours);
    valid += ours;
  }
  CHECK(valid > 1'000);
}
