// 10,000 valid frames, damaged at random, each seed the same again: nothing crashes, leaks or goes unanswered. Worth
// running against an instrumented binary: HUBBUB_BINARY=build/asan/hubbub.

import assert from "node:assert/strict";
import test from "node:test";
import { frame, opcode, upgrade } from "./support/raw.mjs";
import { eventually, start } from "./support/server.mjs";
import { mb, watch } from "./support/watch.mjs";

/** mulberry32: numbers from 0 to 1 that a seed repeats. */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

test("10,000 mutations of valid frames", { timeout: 180_000 }, async (t) => {
  const seed = Number(process.env.HUBBUB_SEED ?? Date.now() % 1_000_000);
  t.diagnostic(`HUBBUB_SEED=${seed}`);
  const rand = random(seed);
  const below = (n) => Math.floor(rand() * n);
  const server = await start(t, { dataDir: true });
  const w = await watch(server, t);
  const seeds = [
    { op: "join", id: 1, room: "chat.m", history: 3, presence: true, info: { a: [1, 2, { b: null }] } },
    { op: "join", id: 2, room: "live.m", since: { epoch: "abc", offset: 3 } },
    { op: "publish", id: 3, room: "chat.m", type: "t", data: { text: "hällo \u{1f600}" }, event_id: "e-1", key: "k", echo: false },
    { op: "publish", id: 4, room: "live.m", type: "t", data: [1.5e300, -0, "x".repeat(200)] },
    { op: "history", id: "h", room: "chat.m", limit: 10, before: 5 },
    { op: "presence", id: 5, room: "chat.m", limit: 2, after: "x" },
    { op: "update", id: 6, room: "chat.m", info: "there" },
    { op: "leave", id: 7, room: "chat.m" }, { op: "auth", id: 8, token: "a.b.c" }, { op: "pong" },
    { op: "call", id: 9, method: "a.b", data: 1 }, { op: "resume", id: 10, ticket: "t", rooms: { "chat.m": { epoch: "e", offset: 1 } } },
  ].map((command) => Buffer.from(JSON.stringify(command)));
  const opcodes = [1, 1, 1, 1, 1, 1, 1, 1, 2, 0, 8, 9, 10, 3, 15];

  const mutated = () => {
    let payload = Buffer.from(seeds[below(seeds.length)]);
    for (let n = below(4); n > 0 && payload.length > 0; n--) {
      const at = below(payload.length);
      const kind = below(5);
      if (kind === 0) payload[at] = below(rand() < 0.95 ? 128 : 256);
      else if (kind === 1) payload = payload.subarray(0, at);
      else if (kind === 2) payload = Buffer.concat([payload.subarray(0, at), payload.subarray(at + 1 + below(4))]);
      else if (kind === 3) payload = Buffer.concat([payload.subarray(0, at), Buffer.from('{}[],:"\\019e'[below(12)]), payload.subarray(at)]);
      else payload = Buffer.concat([payload.subarray(0, at), seeds[below(seeds.length)], payload.subarray(at)]);
    }
    // Most keep to the rules of WebSocket, so that what is beyond them is reached.
    if (rand() < 0.98) return frame(payload);
    const bytes = frame(payload, {
      op: opcodes[below(opcodes.length)], fin: rand() < 0.8, rsv: rand() < 0.8 ? 0 : below(8), masked: rand() < 0.95,
      length: rand() < 0.95 ? undefined : below(300),
    });
    if (rand() < 0.2) bytes[below(bytes.length)] = below(256);
    return bytes;
  };

  const lanes = Array(4).fill(null);
  const ends = new Map();
  const answers = new Map();
  const count = (where, what) => where.set(what, (where.get(what) ?? 0) + 1);
  let opened = 0;
  /** Reads until the answer to `mark`; undefined: it came. Else how the connection ended. */
  const readUntil = (raw, mark) => raw.until(() => {
    for (const f of raw.arrived()) {
      if (f.op === opcode.close) return f.payload.length >= 2 ? f.payload.readUInt16BE(0) : 1005;
      if (f.op !== opcode.text || f.rsv) continue;
      const m = JSON.parse(f.text);
      if (m.id === mark) return "marked";
      count(answers, m.op === "error" ? m.code : m.op);
    }
    return undefined;
  }, 1000).catch(() => "silent"); // half a frame swallowed the mark
  for (let n = 0; n < 10_000;) {
    for (let i = 0; i < lanes.length; i++) {
      if (!lanes[i]) {
        lanes[i] = await upgrade(server.port, rand() < 0.5 ? { headers: { "Sec-WebSocket-Extensions": "permessage-deflate" } } : {});
        opened++;
      }
      const raw = lanes[i];
      const some = Array.from({ length: 1 + below(10) }, mutated);
      n += some.length;
      const mark = `mark-${n}`;
      some.push(frame(JSON.stringify({ op: "leave", id: mark, room: "chat.none" })));
      await raw.write(Buffer.concat(some));
      const end = (await readUntil(raw, mark)) ?? "closed";
      if (end === "marked") continue;
      count(ends, end);
      raw.destroy();
      lanes[i] = null;
    }
    if (below(50) === 0) await w.round();
  }
  const list = (of) => [...of].map(([what, times]) => `${what}: ${times}`).join(", ");
  t.diagnostic(`${opened} connections; ends: ${list(ends)}; answers: ${list(answers)}`);
  for (const raw of lanes) raw?.destroy();
  await w.done(40 * mb);
  for (const code of ["ok", "event", "bad_frame", "bad_command", "bad_room", "not_supported"])
    assert.ok(answers.has(code), `no ${code}: the mutations do not reach far`);
  // Every end that was told has a reason of the protocol, or the one that the client gave.
  for (const code of ends.keys())
    assert.ok(["closed", "silent", 1000, 1001, 1002, 1005, 1007, 1009].includes(code) || code >= 3000, `${code}`);
  await eventually(async () => (await server.metric("hubbub_connections")) === 1, "only the healthy one is left");
  assert.equal(await server.metric("hubbub_room_crashes_total"), 0);
  // An instrumented binary says what it saw when it ends.
  const { code } = await server.stop();
  assert.equal(code, 0, server.stderr);
});
