// Tapes lose their oldest segments while stalled readers stand on them, on four loops. Worth running
// against an instrumented binary: HUBBUB_BINARY=build/asan/hubbub.

import assert from "node:assert/strict";
import test from "node:test";

import { publishAll, serve } from "./support/broker.mjs";
import { until } from "./support/wire.mjs";

const sections = {
  limits: { send_buffer_bytes: 4608, stall: "5m" },
  "namespace.default": { presence: "off", history_size: 100_000, tape_bytes: 8192 },
  "namespace.live": { kind: "live", presence: "off", tape_bytes: 8192 },
};

for (const secure of [false, true])
  test(`tapes are trimmed under stalled readers (4 loops${secure ? ", TLS" : ""})`, async (t) => {
    const node = await serve(t, { loops: 4, secure, sections });
    const readers = await node.clients(16, (i) => ({ deflate: i % 4 === 3 }));
    const publishers = await node.clients(4);
    const many = 250;
    await Promise.all(readers.flatMap((wire) => wire.send({ op: "join", room: "trim.1" }, { op: "join", room: "live.1" })));
    // Each stops and goes on again in a time of its own; the last ones do not read until the end.
    const lasting = 4;
    const timers = readers.slice(0, -lasting).map((wire, r) =>
      setInterval(() => (wire.socket.isPaused() ? wire.resume() : wire.pause()), 7 + 5 * r));
    for (const wire of readers.slice(-lasting)) wire.pause();
    const text = (n) => String.fromCharCode(97 + (n % 26)).repeat((n * 997) % 12_000);
    const answers = (await Promise.all(publishers.map((wire, p) =>
      publishAll(wire, many, (n) => ({ room: "trim.1", data: { p, n, text: text(n) } }), { window: 8 })))).flat();
    await Promise.all(publishers.map((wire, p) =>
      publishAll(wire, many, (n) => ({ room: "live.1", data: { p, n, text: text(n) } }), { window: 8 })));
    timers.forEach(clearInterval);
    for (const wire of readers) wire.resume();
    const kept = (wire) => wire.events.filter((event) => event.room === "trim.1");
    const passed = (wire) => wire.events.length - kept(wire).length +
      wire.pushes.reduce((sum, push) => sum + (push.op === "dropped" ? push.count : 0), 0);
    const total = many * publishers.length;
    await until(() => readers.every((wire) => wire.check() && wire.events.length >= total && kept(wire).length >= total && passed(wire) >= total),
      () => `everybody comes to the end: ${readers.map((wire) => `${kept(wire).length}+${passed(wire)}`)}`, 40_000);
    const published = answers.map((answer) => answer.offset).sort((a, b) => a - b);
    for (const wire of readers) {
      assert.deepEqual(kept(wire).map((event) => event.offset), published);
      assert.equal(passed(wire), total, "live: sent + dropped = published");
      for (const event of wire.events) assert.equal(event.data.text, text(event.data.n));
      assert.ok(wire.pushes.every((push) => push.op === "dropped"));
    }
  });
