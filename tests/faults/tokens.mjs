// Tokens as an application's own service would make them: HS256.

import { createHmac } from "node:crypto";

const part = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** One for `sub`, good for an hour, or for `seconds`. */
export function mintToken(secret, sub, grants = { "chat.>": ["join", "publish", "history", "presence"] }, seconds = 3600) {
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub, grants, exp: Math.floor(Date.now() / 1000) + seconds })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}
