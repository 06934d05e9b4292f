#include "broker/protocol.hpp"
#include "broker/protocol_reader.hpp"
#include "broker/protocol_understand.hpp"

namespace hubbub::broker::protocol {

struct parser::impl {
  explicit impl(const parse_limits& b) : bounds{b}, reader{b} {}

  parse_limits bounds;
  message_reader reader;
};

parser::parser(parse_limits bounds) : impl_{std::make_unique<impl>(bounds)} {}
parser::~parser() = default;

void parser::parse(std::string_view message, command_sink& to) {
  if (auto wrong = impl_->reader.read(message); wrong.code != errc::ok) {
    // Nothing follows, so it does not matter whether the sink wants more.
    static_cast<void>(to.on_bad({}, std::move(wrong)));
    return;
  }
  for (const auto& one : impl_->reader.envelopes())
    if (!understand(one, impl_->bounds, to))
      return;
}

} // namespace hubbub::broker::protocol
