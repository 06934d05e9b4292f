#pragma once

#include <jansson.h>
extern "C" {
#include <jose/jose.h>
}

#include <cstdarg>
#include <memory>
#include <string>
#include <string_view>

/// Owners of what jose and jansson hand out. Only the token files include this.
namespace hubbub::daemon {

struct json_release {
  void operator()(json_t* j) const noexcept { json_decref(j); }
};
using json_ptr = std::unique_ptr<json_t, json_release>;

struct jose_cfg_release {
  void operator()(jose_cfg_t* c) const noexcept { jose_cfg_decref(c); }
};
using jose_cfg_ptr = std::unique_ptr<jose_cfg_t, jose_cfg_release>;

/// jose prints what is wrong to stderr unless told otherwise. One for each call: it is not thread-safe.
inline jose_cfg_ptr quiet_jose() {
  jose_cfg_ptr cfg{jose_cfg()};
  if (cfg)
    jose_cfg_set_err_func(
        cfg.get(), [](void*, const char*, int, std::uint64_t, const char*, va_list) {}, nullptr);
  return cfg;
}

/// Null when memory is short or `text` is not UTF-8.
inline json_ptr json_text(std::string_view text) { return json_ptr{json_stringn(text.data(), text.size())}; }

} // namespace hubbub::daemon
