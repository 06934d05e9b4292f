// Keys of nodes, and tokens as an application's own service would make them: HS256.

import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";

import { temporaryDirectory } from "../integration/support/server.mjs";

/** What signs tokens, and what an operator shows, where `keys` is in the configuration. */
export const secret = "s".repeat(48), adminKey = "a".repeat(24);

/** Keys that verify tokens, and with which a session goes on at another node; of operators: the end of a configuration. */
export function keys() {
  const directory = temporaryDirectory();
  const file = (name, text) => {
    const where = path.join(directory, name);
    writeFileSync(where, text);
    return where;
  };
  return `[auth]\nhs256_key_file = "${file("hs256.key", secret)}"\nticket_keys = ["${file("tickets.key", "t".repeat(48))}"]\n` +
    `[admin]\nkeys = ["${adminKey}"]\n`;
}

const part = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** One for `sub`, good for an hour, or for `seconds`. */
export function mintToken(secret, sub, grants = { "chat.>": ["join", "publish", "history", "presence"] }, seconds = 3600) {
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub, grants, exp: Math.floor(Date.now() / 1000) + seconds })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}
