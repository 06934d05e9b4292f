// A certificate for measuring TLS: ECDSA P-256, made once.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { out } from './peers.mjs';

/** hubbub's variables for TLS. */
export function tlsEnv() {
  const folder = join(out, 'tls'), certificate = join(folder, 'cert.pem'), key = join(folder, 'key.pem');
  if (!existsSync(certificate)) {
    mkdirSync(folder, { recursive: true });
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '3650',
      '-subj', '/CN=localhost', '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  }
  return { HUBBUB_TLS_CERTIFICATE: certificate, HUBBUB_TLS_KEY: key };
}
