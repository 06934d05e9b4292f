#pragma once

#include "basics.hpp"

string unescape(const string& s);
// {i} connection index, {room} room name, {payload}, {len} payload bytes, {seq}, {id} publisher number,
// {epoch} {offset} the last position had (--away)
struct Vars { u32 i = 0; u32 room = 0; const char* payload = ""; size_t len = 0; u32 seq = 0; u32 id = 0; const char* epoch = ""; u64 offset = 0; };
struct Template {
  struct Seg { int kind; string lit; };
  vector<Seg> segs;
  Template() {}
  explicit Template(const string& s);
  void to(string& o, const Vars& v) const;
  string str(const Vars& v) const { string o; to(o, v); return o; }
  bool has_room() const { for (auto& s : segs) if (s.kind == 2) return true; return false; }
};
