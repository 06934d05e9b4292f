#include "broker/daemon/sealed_tickets.hpp"

#include "broker/daemon/hmac.hpp"
#include "broker/daemon/jose_handles.hpp"
#include "broker/daemon/ticket_text.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

namespace hubbub::daemon {
namespace {

using broker::ticket_flaw;

constexpr std::size_t key_id_size = sizeof(std::uint32_t);
constexpr std::size_t salt_size = 24;
// What is not secret, and sealed all the same: version, key, salt.
constexpr std::size_t head_size = 1 + key_id_size + salt_size;
constexpr std::size_t tag_size = 16;

struct cipher_release {
  void operator()(EVP_CIPHER_CTX* c) const noexcept { EVP_CIPHER_CTX_free(c); }
};
using cipher_ptr = std::unique_ptr<EVP_CIPHER_CTX, cipher_release>;

const unsigned char* in_bytes(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* out_bytes(char* text) noexcept { return reinterpret_cast<unsigned char*>(text); }

/// A context for one ticket. Each has a key of its own, derived with its 24 random bytes: with one key for
/// all, the 12 bytes of a GCM nonce would be too few for as many tickets as a large cluster seals. So the
/// nonce is always the same.
cipher_ptr cipher_for(const ticket_key& key, std::string_view head, bool seals) {
  hmac_digest own;
  if (!hmac_sha256(key.bytes(), head, own))
    return nullptr;
  constexpr unsigned char nonce[12] = {};
  cipher_ptr c{EVP_CIPHER_CTX_new()};
  int size = 0;
  const auto ready =
      c &&
      EVP_CipherInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, out_bytes(own.data()), nonce, seals ? 1 : 0) ==
          1 &&
      EVP_CipherUpdate(c.get(), nullptr, &size, in_bytes(head), static_cast<int>(head.size())) == 1;
  OPENSSL_cleanse(own.data(), own.size());
  return ready ? std::move(c) : nullptr;
}

/// Empty: it cannot be done.
std::string seal_with(const ticket_key& key, std::string_view plain) {
  std::string out(head_size + plain.size() + tag_size, '\0');
  const auto id = key.id();
  out[0] = static_cast<char>(sealed_tickets::version);
  std::memcpy(out.data() + 1, &id, key_id_size);
  if (RAND_bytes(out_bytes(out.data() + 1 + key_id_size), salt_size) != 1)
    return {};
  const auto c = cipher_for(key, {out.data(), head_size}, true);
  int size = 0, rest = 0;
  auto* body = out.data() + head_size;
  if (!c ||
      EVP_CipherUpdate(c.get(), out_bytes(body), &size, in_bytes(plain), static_cast<int>(plain.size())) !=
          1 ||
      EVP_CipherFinal_ex(c.get(), out_bytes(body + size), &rest) != 1 ||
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_GET_TAG, tag_size, body + plain.size()) != 1)
    return {};
  return out;
}

/// None: it was not sealed so.
std::optional<std::string> open_with(const ticket_key& key, std::string_view sealed) {
  const auto c = cipher_for(key, sealed.substr(0, head_size), false);
  const auto body = sealed.substr(head_size, sealed.size() - head_size - tag_size);
  std::string tag{sealed.substr(sealed.size() - tag_size)};
  std::string plain(body.size(), '\0');
  int size = 0, rest = 0;
  if (!c ||
      EVP_CipherUpdate(c.get(), out_bytes(plain.data()), &size, in_bytes(body),
                       static_cast<int>(body.size())) != 1 ||
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_SET_TAG, tag_size, tag.data()) != 1 ||
      EVP_CipherFinal_ex(c.get(), out_bytes(plain.data()) + size, &rest) != 1)
    return std::nullopt;
  return plain;
}

std::string to_base64url(std::string_view bytes) {
  std::string text(jose_b64_enc_buf(nullptr, bytes.size(), nullptr, 0), '\0');
  jose_b64_enc_buf(bytes.data(), bytes.size(), text.data(), text.size());
  return text;
}

std::optional<std::string> from_base64url(std::string_view text) {
  const auto size = jose_b64_dec_buf(text.data(), text.size(), nullptr, 0);
  if (size == SIZE_MAX)
    return std::nullopt;
  std::string bytes(size, '\0');
  if (jose_b64_dec_buf(text.data(), text.size(), bytes.data(), bytes.size()) != size)
    return std::nullopt;
  // The last digit may have bits that mean nothing: only one text is the ticket's.
  if (to_base64url(bytes) != text)
    return std::nullopt;
  return bytes;
}

} // namespace

void sealed_tickets::change_keys(std::vector<ticket_key> keys) {
  auto fresh = std::make_shared<const key_list>(std::move(keys));
  std::lock_guard hold{mutex_};
  keys_.swap(fresh);
}

std::shared_ptr<const sealed_tickets::key_list> sealed_tickets::keys() const {
  std::lock_guard hold{mutex_};
  return keys_;
}

std::string sealed_tickets::seal(const broker::identity& who, broker::session_id session) const {
  broker::ticket t{who, session, time_.unix_ms() + lives_.count()};
  if (who.expires_ms != 0)
    t.expires_ms = std::min(t.expires_ms, who.expires_ms);
  const auto plain = write_ticket(t);
  if ((head_size + plain.size() + tag_size + 2) / 3 * 4 > max_size)
    return {};
  const auto sealed = seal_with(keys()->front(), plain);
  return sealed.empty() ? std::string{} : to_base64url(sealed);
}

std::variant<broker::ticket, ticket_flaw> sealed_tickets::open(std::string_view text) const {
  const auto sealed = text.size() <= max_size ? from_base64url(text) : std::nullopt;
  // No version's tickets are shorter.
  if (!sealed || sealed->size() <= tag_size)
    return ticket_flaw::malformed;
  const auto written_by = static_cast<unsigned char>(sealed->front());
  if (written_by != version)
    return written_by < version ? ticket_flaw::older_version : ticket_flaw::newer_version;
  if (sealed->size() < head_size + tag_size)
    return ticket_flaw::malformed;
  std::uint32_t id = 0;
  std::memcpy(&id, sealed->data() + 1, key_id_size);
  auto known = false;
  const auto all = keys();
  for (const auto& key : *all) {
    if (key.id() != id)
      continue;
    known = true;
    const auto plain = open_with(key, *sealed);
    if (!plain)
      continue;
    auto t = read_ticket(*plain);
    if (!t) // sealed by us, so not by this version
      return ticket_flaw::newer_version;
    if (t->expires_ms <= time_.unix_ms())
      return ticket_flaw::expired;
    return std::move(*t);
  }
  return known ? ticket_flaw::tampered : ticket_flaw::foreign;
}

} // namespace hubbub::daemon
