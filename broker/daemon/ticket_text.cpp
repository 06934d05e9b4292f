#include "broker/daemon/ticket_text.hpp"

#include <cstdint>
#include <utility>

namespace hubbub::daemon {
namespace {

class byte_writer {
public:
  explicit byte_writer(std::string& out) : out_{out} {}

  template <class Integer>
  void number(Integer value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i)
      out_.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> 8 * i & 0xff));
  }
  void text(std::string_view value) {
    number(value.size(), 2);
    out_.append(value);
  }

private:
  std::string& out_;
};

/// Takes what a `byte_writer` wrote off the front; `failed` when there was too little.
class byte_reader {
public:
  explicit byte_reader(std::string_view from) : rest_{from} {}

  std::uint64_t number(std::size_t bytes) {
    const auto from = take(bytes);
    std::uint64_t value = 0;
    for (std::size_t i = from.size(); i-- > 0;)
      value = value << 8 | static_cast<unsigned char>(from[i]);
    return value;
  }
  std::int64_t time() { return static_cast<std::int64_t>(number(8)); }
  std::string text() { return std::string{take(number(2))}; }

  [[nodiscard]] bool failed() const noexcept { return failed_; }
  [[nodiscard]] bool at_end() const noexcept { return !failed_ && rest_.empty(); }

private:
  std::string_view take(std::size_t bytes) {
    failed_ = failed_ || bytes > rest_.size();
    if (failed_)
      return {};
    const auto taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }

  std::string_view rest_;
  bool failed_ = false;
};

} // namespace

std::string write_ticket(const broker::ticket& what) {
  std::string out;
  byte_writer to{out};
  to.number(what.session.value, 8);
  to.number(what.expires_ms, 8);
  to.number(what.who.expires_ms, 8);
  to.number(what.who.issued_ms, 8);
  to.text(what.who.user);
  to.text(what.who.token_id);
  to.text(what.who.user_info);
  to.number(what.who.allowed.rules().size(), 2);
  for (const auto& [where, rights] : what.who.allowed.rules()) {
    to.text(where.str());
    to.number(static_cast<std::uint64_t>(rights), 1);
  }
  return out;
}

std::optional<broker::ticket> read_ticket(std::string_view bytes) {
  byte_reader from{bytes};
  broker::ticket out;
  out.session.value = from.number(8);
  out.expires_ms = from.time();
  out.who.expires_ms = from.time();
  out.who.issued_ms = from.time();
  out.who.user = from.text();
  out.who.token_id = from.text();
  out.who.user_info = from.text();
  for (auto patterns = from.number(2); patterns > 0 && !from.failed(); --patterns) {
    auto where = broker::room_pattern::parse(from.text());
    const auto rights = from.number(1);
    if (!where)
      return std::nullopt;
    out.who.allowed.add(std::move(*where), static_cast<broker::right>(rights));
  }
  if (!from.at_end() || !out.session)
    return std::nullopt;
  return out;
}

} // namespace hubbub::daemon
