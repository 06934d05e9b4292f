#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hubbub::cluster {

/// A message's headers, as they stand on the wire: `NATS/1.0 <status>`, then lines of `name: value`. Anybody
/// may have written them, so nothing is expected of them. Refers to the text.
class header_lines {
public:
  header_lines() = default;
  explicit header_lines(std::string_view raw) noexcept;

  /// A reply without a message says why with a number, as HTTP does; 0: it does not.
  [[nodiscard]] int status() const noexcept { return status_; }

  /// The value of the first or the last line of that name, without blanks around it; empty: there is none.
  /// What the server says stands behind what a producer may have claimed.
  [[nodiscard]] std::string_view first(std::string_view name) const noexcept;
  [[nodiscard]] std::string_view last(std::string_view name) const noexcept;

  /// Calls `f(name, value)` for each line.
  template <class F>
  void each(F&& f) const {
    for (auto rest = lines_; !rest.empty();) {
      std::string_view name, value;
      if (take(rest, name, value))
        f(name, value);
    }
  }

private:
  /// Takes a line off the front. False: it has no name.
  static bool take(std::string_view& rest, std::string_view& name, std::string_view& value) noexcept;

  std::string_view lines_;
  int status_ = 0;
};

/// A message of NATS, for as long as its handler runs.
struct nats_message {
  std::string_view subject;
  std::string_view reply;
  header_lines headers;
  std::string_view data;
};

/// A whole number in decimal, at most 20 digits; 0 when it is anything else.
[[nodiscard]] std::uint64_t number_in(std::string_view text) noexcept;

/// The `n`th token from the end (0: the last one) of a subject; empty: it has not as many.
[[nodiscard]] std::string_view token_from_end(std::string_view subject, std::size_t n) noexcept;

} // namespace hubbub::cluster
