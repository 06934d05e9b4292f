#include "broker/daemon/secret_file.hpp"

#include "broker/daemon/file_text.hpp"
#include "broker/daemon/jose_handles.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace hubbub::daemon {
namespace {

constexpr std::string_view base64_mark = "base64:";

/// Base64 of either alphabet, with or without padding. False: it is not.
bool decode_secret(std::string_view text, std::string& out) {
  secret_text url{std::string{text.substr(0, text.find('='))}};
  std::ranges::replace(url.text, '+', '-');
  std::ranges::replace(url.text, '/', '_');
  const auto size = jose_b64_dec_buf(url.text.data(), url.text.size(), nullptr, 0);
  if (size == SIZE_MAX)
    return false;
  out.resize(size);
  return jose_b64_dec_buf(url.text.data(), url.text.size(), out.data(), out.size()) == size;
}

} // namespace

secret_text::~secret_text() { OPENSSL_cleanse(text.data(), text.size()); }

broker::result<secret_text> read_secret_file(const std::string& name) {
  auto read = read_file_text(name, 65'536);
  if (!read)
    return broker::refusal{broker::errc::unauthorized, name + ": " + read.error().message};
  secret_text file{std::move(*read)};
  while (!file.text.empty() &&
         (file.text.back() == '\n' || file.text.back() == '\r' || file.text.back() == ' '))
    file.text.pop_back();
  secret_text decoded;
  if (file.text.starts_with(base64_mark)) {
    if (!decode_secret(std::string_view{file.text}.substr(base64_mark.size()), decoded.text))
      return broker::refusal{broker::errc::unauthorized, name + ": what follows \"base64:\" is not base64"};
    std::swap(file.text, decoded.text);
  }
  return file;
}

} // namespace hubbub::daemon
