#include "broker/deflate.hpp"

#include <zlib.h>

#include <algorithm>

namespace hubbub::broker {

namespace {

/// What Z_SYNC_FLUSH ends with, and what a sender leaves out.
constexpr std::string_view tail{"\x00\x00\xff\xff", 4};

/// Of one message. Each makes the next begin anew, which costs more than the two bytes that ask for it.
constexpr int most_final_blocks = 16;

/// Set in `data_type` when a block has ended and the next has not begun.
constexpr int between_blocks = 128;

Bytef* bytes(const char* p) noexcept { return reinterpret_cast<Bytef*>(const_cast<char*>(p)); }

} // namespace

struct deflater::state {
  z_stream z{};
  bool ready = false;
};

deflater::deflater(int level) : state_{std::make_unique<state>()} {
  // Negative: raw deflate, without zlib's header.
  state_->ready = deflateInit2(&state_->z, level, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK;
}

deflater::~deflater() {
  if (state_->ready)
    deflateEnd(&state_->z);
}

bool deflater::compress(std::string& out, std::string_view json) {
  if (!state_->ready || json.size() <= tail.size() || deflateReset(&state_->z) != Z_OK)
    return false;
  auto& z = state_->z;
  const auto start = out.size();
  // Room for no more than what would be worth it.
  out.resize(start + json.size() + tail.size() - 1);
  z.next_in = bytes(json.data());
  z.avail_in = static_cast<uInt>(json.size());
  z.next_out = bytes(out.data() + start);
  z.avail_out = static_cast<uInt>(out.size() - start);
  const auto done = deflate(&z, Z_SYNC_FLUSH) == Z_OK && z.avail_in == 0 && z.avail_out > 0;
  const auto size = out.size() - start - z.avail_out;
  if (!done || size < tail.size() ||
      std::string_view{out}.substr(start + size - tail.size(), tail.size()) != tail) {
    out.resize(start);
    return false;
  }
  out.resize(start + size - tail.size());
  return true;
}

struct inflater::state {
  z_stream z{};
  bool ready = false;
};

inflater::inflater() : state_{std::make_unique<state>()} {
  state_->ready = inflateInit2(&state_->z, -MAX_WBITS) == Z_OK;
}

inflater::~inflater() {
  if (state_->ready)
    inflateEnd(&state_->z);
}

inflater::outcome inflater::expand(std::string& out, std::string_view payload, std::size_t limit) {
  // The reset is what keeps one client's bytes out of another's message.
  if (!state_->ready || inflateReset(&state_->z) != Z_OK)
    return outcome::bad;
  auto& z = state_->z;
  const auto start = out.size();
  bool whole = false;
  int final_blocks = 0;
  for (auto input : {payload, tail}) {
    z.next_in = bytes(input.data());
    z.avail_in = static_cast<uInt>(input.size());
    while (true) {
      const auto have = out.size() - start;
      // One byte more than allowed shows that there is more.
      const auto room = std::min(limit + 1 - have, std::max<std::size_t>(1024, have));
      out.resize(start + have + room);
      z.next_out = bytes(out.data() + start + have);
      z.avail_out = static_cast<uInt>(room);
      const auto result = inflate(&z, Z_SYNC_FLUSH);
      out.resize(out.size() - z.avail_out);
      whole = result == Z_STREAM_END || (z.data_type & between_blocks) != 0;
      if (out.size() - start > limit)
        return outcome::too_large;
      if (result == Z_STREAM_END) {
        // A sender may end with a final block (RFC 7692 section 7.2.3.4), then nothing but the tail's bytes.
        if (z.avail_in == 0 || input.data() == tail.data())
          break;
        if (++final_blocks > most_final_blocks || inflateReset(&z) != Z_OK)
          return outcome::bad;
        continue;
      }
      if (result == Z_BUF_ERROR || (result == Z_OK && z.avail_in == 0 && z.avail_out > 0))
        break;
      if (result != Z_OK)
        return outcome::bad;
    }
  }
  return whole ? outcome::done : outcome::bad;
}

} // namespace hubbub::broker
