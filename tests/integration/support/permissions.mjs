// What a NATS configuration permits, out of its text: docs/operations.md and deploy/ have one each.

import { readFileSync } from "node:fs";

/** A file of the repository. */
export const repository = (file) => readFileSync(new URL(`../../../${file}`, import.meta.url), "utf8");

/** The `authorization` block of a text. */
export function authorization(text) {
  const [block] = /^authorization \{\n[^]*?^\}$/m.exec(text) ?? [];
  if (!block) throw new Error("there is no authorization block");
  return block;
}

/** `{name: {publish: [...], subscribe: [...]}}` of an `authorization` block. */
export function users(block) {
  const subjects = (list) => [...list.matchAll(/"([^"]+)"/g)].map((m) => m[1]);
  const all = block.matchAll(/\{ user: (\w+), password: \S+, permissions: \{\s*publish: \[([^\]]*)\],\s*subscribe: \[([^\]]*)\]/g);
  return Object.fromEntries([...all].map(([, name, publish, subscribe]) => [name, { publish: subjects(publish), subscribe: subjects(subscribe) }]));
}
