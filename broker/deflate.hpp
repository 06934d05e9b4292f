#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

/// permessage-deflate (RFC 7692) without context takeover: every message stands alone.
namespace hubbub::broker {

/// Compresses messages. Keeps 256 KB of tables: one for each loop. Its loop only.
class deflater {
public:
  /// zlib's levels; memory that cannot be had shows in `compress`.
  explicit deflater(int level = 1);
  ~deflater();

  /// Appends the payload of one compressed frame (RFC 7692 section 7.2.1). False, and nothing
  /// appended, when it would not be smaller.
  [[nodiscard]] bool compress(std::string& out, std::string_view json);

private:
  struct state;
  std::unique_ptr<state> state_;
};

/// Takes compressed messages apart. Its loop only.
class inflater {
public:
  inflater();
  ~inflater();

  enum class outcome { done, bad, too_large };
  /// Appends the message of a compressed payload, at most `limit` bytes of it.
  [[nodiscard]] outcome expand(std::string& out, std::string_view payload, std::size_t limit);

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace hubbub::broker
