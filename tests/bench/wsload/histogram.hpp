#pragma once

#include "basics.hpp"

// log-linear, 1.6 % wide
struct Hist {
  vector<u64> b = vector<u64>(64 * 60); u64 n = 0, mx = 0; double sum = 0;
  static u32 ix(u64 v) { if (v < 128) return u32(v); int e = 63 - __builtin_clzll(v); return u32((e - 6) * 64 + ((v >> (e - 6)) & 63)) + 64; }
  static u64 val(u32 i) { if (i < 128) return i; i -= 64; int e = i / 64 + 6; return (u64(64 + (i & 63)) << (e - 6)); }
  void add(u64 v) { u32 i = ix(v); if (i >= b.size()) i = u32(b.size()) - 1; b[i]++; n++; sum += double(v); if (v > mx) mx = v; }
  u64 q(double p) const { if (!n) return 0; u64 want = u64(p * double(n)); if (want >= n) want = n - 1; u64 c = 0; for (u32 i = 0; i < b.size(); i++) { c += b[i]; if (c > want) return val(i); } return mx; }
};
