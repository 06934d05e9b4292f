// What `nsc` makes for a NATS with accounts: an operator, an account and a user's credentials, each a JWT signed by an Ed25519 key.

import { generateKeyPairSync, sign } from "node:crypto";

const prefixes = { operator: 14 << 3, account: 0, user: 20 << 3, seed: 18 << 3 };

function base32(bytes) {
  let bits = 0;
  let held = 0;
  let out = "";
  for (const byte of bytes) {
    held = (held << 8 | byte) & 0xffff;
    for (bits += 8; bits >= 5; bits -= 5) out += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[held >> bits - 5 & 31];
  }
  return bits ? out + "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[held << 5 - bits & 31] : out;
}

/** CRC-16 as XMODEM has it, the low byte first. */
function checked(bytes) {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let i = 0; i < 8; ++i) crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xffff;
  }
  return base32(Buffer.concat([bytes, Buffer.from([crc & 255, crc >> 8])]));
}

// As DER at once, in which the key itself comes last (RFC 8410): a KeyObject's export as "jwk" holds the key's lock while it
// makes strings, and where these make Node 20 collect its garbage, keys among it, it waits for itself for ever.
const encoding = { publicKeyEncoding: { type: "spki", format: "der" }, privateKeyEncoding: { type: "pkcs8", format: "der" } };

function key(kind) {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519", encoding);
  const raw = (der) => der.subarray(-32);
  const prefix = prefixes[kind];
  return {
    name: checked(Buffer.concat([Buffer.from([prefix]), raw(publicKey)])),
    seed: checked(Buffer.concat([Buffer.from([prefixes.seed | prefix >> 5, (prefix & 31) << 3]), raw(privateKey)])),
    sign: (text) => sign(null, Buffer.from(text), { key: privateKey, format: "der", type: "pkcs8" }).toString("base64url"),
  };
}

function jwt(issuer, subject, type, nats) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { jti: subject.name, iat: Math.floor(Date.now() / 1000), iss: issuer.name, sub: subject.name, name: type, nats: { ...nats, type, version: 2 } };
  const text = `${part({ typ: "JWT", alg: "ed25519-nkey" })}.${part(claims)}`;
  return `${text}.${issuer.sign(text)}`;
}

/** `{configuration, credentials}`: lines for nats.conf, and the text of a .creds file for a user that may do what `permissions` say. */
export function natsOperator(permissions) {
  const [operator, system, account, user] = ["operator", "account", "account", "user"].map(key);
  const unlimited = { subs: -1, data: -1, payload: -1 };
  const limits = { ...unlimited, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1, mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
  const permitted = { pub: {}, sub: {} };
  const { mem_storage, disk_storage, streams, consumer, ...plain } = limits; // a system account may not have JetStream
  const systemToken = jwt(operator, system, "account", { limits: plain, default_permissions: permitted });
  const accountToken = jwt(operator, account, "account", { limits, default_permissions: permitted });
  const userToken = jwt(account, user, "user", { ...unlimited, ...permissions });
  return {
    configuration: `operator: ${jwt(operator, operator, "operator", {})}\nresolver: MEMORY\nsystem_account: ${system.name}
resolver_preload: { ${system.name}: ${systemToken}, ${account.name}: ${accountToken} }\n`,
    credentials: `-----BEGIN NATS USER JWT-----\n${userToken}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${user.seed}\n------END USER NKEY SEED------\n`,
  };
}
