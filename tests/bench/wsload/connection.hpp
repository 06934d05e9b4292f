#pragma once

#include "options.hpp"

#include <openssl/types.h>

enum State : u8 { FREE, CONNECTING, UPGRADING, STEPPING, READY, CLOSED, FAILED };
enum Kind : u8 { SUB, PUB };
struct Conn {
  int fd = -1; u32 idx = 0, gen = 0, room = 0, hint = 0, waitn = 0, need = 1, tries = 0, http_out = 0;
  u16 step = 0; State st = FREE; Kind kind = SUB; Transport tr = T_WS; bool dirty = false, wantout = false, slow = false, inflight = false, tls_reads = false;
  string in, out; u64 t_start = 0;
  SSL* ssl = nullptr; string epoch; u64 offset = 0;  // tls_reads: nothing can be written before something was read
};
inline vector<Conn> C;
inline int ep; inline u32 g_inflight = 0;  // handshakes

void make_connections();
void start_connect(Conn& c);
void conn_drop(Conn& c, State ns);
void conn_lost(Conn& c, const char* why);
void reset_on_close(Conn& c);  // without a word
void ep_set(Conn& c, int op, u32 ev);
u32 room_at(const Conn& c, u32 j);  // the rooms that it joins
void set_active(Conn& c, int by);
