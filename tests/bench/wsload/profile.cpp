#include "profile.hpp"

#include "rooms.hpp"

Profile make_profile(const string& n) {
  Profile p;
  if (n == "raw" || n == "custom") return p;
  if (n == "uws") {  // our own tiny topic protocol: S<room>, P<room> <payload>
    p.steps = {">S{room}", "<OK"}; p.pub_steps_set = true; p.pub_frame = "P{room} {payload}";
  } else if (n == "hubbub") {
    g_room_fmt = "chat.r{r}"; p.path = "/v1/ws"; p.protocol = "hubbub.v1.json";
    p.steps = {"<\"welcome\"", ">{\"op\":\"join\",\"id\":1,\"room\":\"{room}\"}", "<\"ok\""};
    p.since_steps = {"<\"welcome\"", ">{\"op\":\"join\",\"id\":1,\"room\":\"{room}\",\"since\":{\"epoch\":\"{epoch}\",\"offset\":{offset}}}", "<\"ok\""};
    p.pub_steps = {"<\"welcome\""}; p.pub_steps_set = true;
    p.pub_frame = "{\"op\":\"publish\",\"id\":{seq},\"room\":\"{room}\",\"type\":\"m\",\"data\":\"{payload}\"}";
    p.replies = {{'^', "{\"op\":\"ping\"", "{\"op\":\"pong\"}"}};
  } else if (n == "pusher") {
    p.path = "/app/app-key?protocol=7&client=js&version=8.4.0&flash=false";
    p.steps = {"<connection_established", ">{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"{room}\"}}", "<subscription_succeeded"};
    p.pub_frame = "{\"event\":\"client-m\",\"channel\":\"{room}\",\"data\":\"{payload}\"}";
    p.replies = {{'*', "pusher:ping", "{\"event\":\"pusher:pong\",\"data\":{}}"}};
  } else if (n == "nats") {
    p.binary = true; p.raw_stream = true;
    string c = "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"wsload\",\"version\":\"1\",\"protocol\":1}\\r\\n";
    p.steps = {"<INFO", ">" + c + "SUB {room} 1\\r\\nPING\\r\\n", "<PONG"};
    p.pub_steps = {"<INFO", ">" + c + "PING\\r\\n", "<PONG"}; p.pub_steps_set = true;
    p.pub_frame = "PUB {room} {len}\\r\\n{payload}\\r\\n";
    p.replies = {{'^', "PING", "PONG\\r\\n"}};
  } else if (n == "socketio") {
    p.path = "/socket.io/?EIO=4&transport=websocket";
    p.steps = {"<0{", ">40", "<40", ">42[\"sub\",\"{room}\"]", "<42[\"ok\""};
    p.pub_steps = {"<0{", ">40", "<40"}; p.pub_steps_set = true;
    p.pub_frame = "42[\"pub\",\"{room}\",\"{payload}\"]";
    p.replies = {{'=', "2", "3"}};
  } else if (n == "nchan") {
    p.path = "/sub/{room}"; p.pub_path = "/pub/{room}"; p.pub_transport = T_HTTP; p.pub_steps_set = true;
  } else if (n == "centrifugo") {
    p.path = "/connection/websocket";
    p.steps = {">{\"id\":1,\"connect\":{}}", "<\"connect\"", ">{\"id\":2,\"subscribe\":{\"channel\":\"{room}\"}}", "<\"subscribe\""};
    p.pub_steps = {">{\"id\":1,\"connect\":{}}", "<\"connect\""}; p.pub_steps_set = true;
    p.pub_frame = "{\"id\":3,\"publish\":{\"channel\":\"{room}\",\"data\":\"{payload}\"}}";
    p.replies = {{'=', "{}", "{}"}};
  } else die("unknown profile %s", n.c_str());
  return p;
}
vector<Step> compile(const vector<string>& in) {
  vector<Step> v;
  for (auto& s : in) {
    Step st{};
    if (s.empty() || (s[0] != '>' && s[0] != '<')) die("a step starts with > (send) or < (wait): %s", s.c_str());
    string b = unescape(s.substr(1));
    st.send = s[0] == '>';
    if (st.send) st.t = Template(b);
    else if (!b.empty() && b[0] == '#') st.count = atoi(b.c_str() + 1);
    else st.match = b;
    v.push_back(std::move(st));
  }
  return v;
}
