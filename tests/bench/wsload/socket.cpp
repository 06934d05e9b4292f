#include "socket.hpp"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

static SSL_CTX* g_tls = nullptr;
void tls_begin(Conn& c) {
  if (!g_tls) { g_tls = SSL_CTX_new(TLS_client_method()); SSL_CTX_set_mode(g_tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS); SSL_CTX_set_session_cache_mode(g_tls, SSL_SESS_CACHE_OFF); }
  c.ssl = SSL_new(g_tls); SSL_set_fd(c.ssl, c.fd); SSL_set_connect_state(c.ssl); c.tls_reads = false;
}
void tls_end(Conn& c) { SSL_free(c.ssl); c.ssl = nullptr; }
static ssize_t tls_result(Conn& c, int k) {
  if (k > 0) return k;
  int e = SSL_get_error(c.ssl, k); c.tls_reads = e == SSL_ERROR_WANT_READ;
  if (e == SSL_ERROR_ZERO_RETURN) return 0;
  if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) errno = EAGAIN; else if (e != SSL_ERROR_SYSCALL || !errno) errno = EPROTO;
  return -1;
}
ssize_t put(Conn& c, const char* p, size_t n) {
  if (c.tr == T_CMD) return write(c.fd, p, n);
  if (!c.ssl) return send(c.fd, p, n, MSG_NOSIGNAL);
  ERR_clear_error(); errno = 0; return tls_result(c, SSL_write(c.ssl, p, int(n)));
}
ssize_t get(Conn& c, char* p, size_t n) {
  if (!c.ssl) return recv(c.fd, p, n, 0);
  ERR_clear_error(); errno = 0; return tls_result(c, SSL_read(c.ssl, p, int(n)));
}
