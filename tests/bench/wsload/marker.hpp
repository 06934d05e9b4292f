// What every message bears, for finding it in any envelope.
#pragma once

#include "basics.hpp"

#include <string.h>

#include <array>

inline const char MARK[] = "~W1~";
inline const u32 HEAD = 4 + 16 + 8 + 8 + 4;  // marker, time, seq, room, stream
struct Marker { u64 ts; u32 seq, room, stream; };

inline constexpr std::array<u8, 256> HEXV = [] { std::array<u8, 256> v{}; for (int i = 0; i < 256; i++) v[size_t(i)] = u8(i >= '0' && i <= '9' ? i - '0' : i >= 'a' && i <= 'f' ? i - 'a' + 10 : 0); return v; }();
inline u64 hexn(const char* p, int n) { u64 v = 0; for (int i = 0; i < n; i++) v = v << 4 | HEXV[u8(p[i])]; return v; }
inline void hexw(char* p, u64 v, int n) { for (int i = n - 1; i >= 0; i--, v >>= 4) p[i] = "0123456789abcdef"[v & 15]; }
inline Marker read_marker(const char* m) { return {hexn(m + 4, 16), u32(hexn(m + 20, 8)), u32(hexn(m + 28, 8)), u32(hexn(m + 36, 4))}; }
inline void write_marker(char* p, const Marker& m) { memcpy(p, MARK, 4); hexw(p + 4, m.ts, 16); hexw(p + 20, m.seq, 8); hexw(p + 28, m.room, 8); hexw(p + 36, m.stream, 4); }
