// Looks after a server while others abuse it.

import assert from "node:assert/strict";
import { connect } from "./client.mjs";
import { instrumented } from "./server.mjs";

export const mb = 1 << 20;

/** A healthy client and its publisher answer within a second, and the server stays below `bytes` more memory. */
class Watch {
  constructor(server, client) { Object.assign(this, { server, client, before: server.rss(), n: 0 }); }
  async round() {
    const n = ++this.n;
    await this.client.must({ op: "publish", room: "chat.well", type: "t", data: n }, 3000);
    await this.client.waitFor((m) => m.op === "event" && m.data === n, 3000);
  }
  /** An instrumented binary keeps what was freed, so that its size says nothing. */
  grown() { return instrumented ? 0 : this.server.rss() - this.before; }
  async done(bytes) {
    await this.round();
    await this.server.mustBeWell();
    assert.ok(this.grown() < bytes, `memory grew by ${(this.grown() / mb).toFixed(1)} MB`);
  }
}

export async function watch(server, t) {
  const client = await connect(server, { t });
  await client.must({ op: "join", room: "chat.well" });
  const w = new Watch(server, client);
  for (let i = 0; i < 3; i++) await w.round();
  w.before = server.rss();
  return w;
}
