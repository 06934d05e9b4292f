#include "cluster/siphash.hpp"

#include "broker/session_id.hpp"

#include <bit>

namespace hubbub::cluster {
namespace {

struct state {
  std::uint64_t v0, v1, v2, v3;

  void rounds(int n) noexcept {
    for (auto i = 0; i < n; ++i) {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
  }
  void take(std::uint64_t word) noexcept {
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  }
  std::uint64_t folded() const noexcept { return v0 ^ v1 ^ v2 ^ v3; }
};

std::uint64_t little_endian(const char* from, std::size_t size) noexcept {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < size; ++i)
    word |= std::uint64_t{static_cast<unsigned char>(from[i])} << (8 * i);
  return word;
}

} // namespace

digest siphash(const siphash_key& key, std::string_view text) noexcept {
  state s{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d ^ 0xee, key[0] ^ 0x6c7967656e657261,
          key[1] ^ 0x7465646279746573};
  const auto whole = text.size() / 8 * 8;
  for (std::size_t at = 0; at < whole; at += 8)
    s.take(little_endian(text.data() + at, 8));
  s.take(std::uint64_t{text.size()} << 56 | little_endian(text.data() + whole, text.size() - whole));
  s.v2 ^= 0xee;
  s.rounds(4);
  const auto low = s.folded();
  s.v1 ^= 0xdd;
  s.rounds(4);
  return {low, s.folded()};
}

siphash_key new_siphash_key() {
  return {broker::session_id::random().value, broker::session_id::random().value};
}

} // namespace hubbub::cluster
