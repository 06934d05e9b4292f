// What is said to a server, in its own protocol.
#pragma once

#include "template.hpp"

enum Transport : u8 { T_WS, T_HTTP, T_TCP, T_CMD };
struct Step { bool send; Template t; string match; u32 count = 0; };  // send a frame | wait for a substring | wait for count frames
struct Reply { char how; string match, answer; };                     // '=' whole frame, '^' prefix, '*' substring
struct Profile {
  string path = "/", pub_path, protocol, pub_frame = "{payload}", pub_cmd;
  vector<string> headers, steps, pub_steps, echo_steps, since_steps;  // since_steps: joining again after a known position
  vector<Reply> replies;
  bool binary = false, pub_steps_set = false;
  Transport pub_transport = T_WS;
  int pub_port = 0;         // another port for publishers, e.g. the native protocol
  bool raw_stream = false;  // messages may straddle frames (nats)
};
Profile make_profile(const string& name);
vector<Step> compile(const vector<string>& in);
