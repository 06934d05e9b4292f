// The rooms: their names, who is in them, what was published there.
#pragma once

#include "basics.hpp"

inline string g_room_fmt = "r{r}";  // how a room number becomes a name
inline vector<string> g_room_names;
inline vector<u32> room_active, room_seq;  // room_seq indexed room*streams+stream
inline u32 g_streams = 1;
// With --joins the rooms of a connection lie far apart, so that events in neighbouring rooms go to different connections.
inline u32 g_stride = 1;

inline string room_name(u32 r) {
  string s = g_room_fmt; size_t p = s.find("{r}");
  if (p != string::npos) s.replace(p, 3, std::to_string(r));
  return s;
}
inline void make_rooms(u32 n) {
  for (u32 r = 0; r < n; r++) g_room_names.push_back(room_name(r));
  room_active.assign(n, 0); room_seq.assign(size_t(n) * g_streams, 0);
}
