#include "template.hpp"

#include "rooms.hpp"

#include <string.h>

string unescape(const string& s) {
  string o;
  for (size_t i = 0; i < s.size(); i++) {
    if (s[i] != '\\' || i + 1 >= s.size()) { o += s[i]; continue; }
    char c = s[++i];
    if (c == 'n') o += '\n'; else if (c == 'r') o += '\r'; else if (c == 't') o += '\t'; else if (c == '\\') o += '\\'; else if (c == '0') o += '\0';
    else if (c == 'x' && i + 2 < s.size()) { o += char(strtol(s.substr(i + 1, 2).c_str(), nullptr, 16)); i += 2; }
    else { o += '\\'; o += c; }
  }
  return o;
}
Template::Template(const string& s) {
  static const char* names[] = {"", "{i}", "{room}", "{payload}", "{len}", "{seq}", "{id}", "{epoch}", "{offset}"};
  string lit;
  for (size_t p = 0; p < s.size();) {
    int k = 0;
    if (s[p] == '{') for (int j = 1; j <= 8; j++) if (s.compare(p, strlen(names[j]), names[j]) == 0) { k = j; break; }
    if (!k) { lit += s[p++]; continue; }
    if (!lit.empty()) segs.push_back({0, lit});
    lit.clear(); segs.push_back({k, ""}); p += strlen(names[k]);
  }
  if (!lit.empty()) segs.push_back({0, lit});
}
void Template::to(string& o, const Vars& v) const {
  char b[24];
  for (auto& s : segs) switch (s.kind) {
    case 0: o += s.lit; break;
    case 1: o.append(b, snprintf(b, sizeof b, "%u", v.i)); break;
    case 2: if (v.room < g_room_names.size()) o += g_room_names[v.room]; else o += room_name(v.room); break;
    case 3: o.append(v.payload, v.len); break;
    case 4: o.append(b, snprintf(b, sizeof b, "%zu", v.len)); break;
    case 5: o.append(b, snprintf(b, sizeof b, "%u", v.seq)); break;
    case 6: o.append(b, snprintf(b, sizeof b, "%u", v.id)); break;
    case 7: o += v.epoch; break;
    case 8: o.append(b, snprintf(b, sizeof b, "%lu", v.offset)); break;
  }
}
