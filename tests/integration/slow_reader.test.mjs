// A client whose socket is not read, while others read: nobody waits for it, nothing piles up, and when
// it reads again it gets what its position says.

import assert from "node:assert/strict";
import test from "node:test";

import { directory, megabytes, publishAll, serve, ways } from "./support/broker.mjs";
import { until } from "./support/wire.mjs";

const sections = {
  limits: { send_buffer_bytes: 4608, stall: "5m" },
  log: { sync: "normal" },
  // Everything stays on the tape; only in the log; not even there.
  "namespace.tape": { tape_bytes: 16_777_216, history_size: 10_000 },
  "namespace.log": { tape_bytes: 65_536, history_size: 10_000 },
  "namespace.short": { tape_bytes: 65_536, history_size: 50 },
};
const readers = 20;
const size = 16_384;
// More than all the kernel's buffers of a connection hold.
const many = 640;

const offsets = (events) => events.map((event) => event.offset);
const payload = (i) => ({ i, text: String.fromCharCode(97 + (i % 26)).repeat(size) });

function whole(events, first = 0) {
  for (const [n, { data }] of events.entries()) assert.deepEqual(data, payload(first + n));
}

/** Lets `many` events pass a reader that does not read; it and the others are checked. */
async function pass(node, room, after) {
  const publisher = await node.client();
  const quick = await node.clients(readers, { keep: false });
  const arrived = quick.map(() => []);
  quick.forEach((wire, n) => { wire.onEvent = (event) => arrived[n].push(event.offset); });
  const stalled = await node.client();
  stalled.story = [];
  stalled.onEvent = stalled.onPush = (message) => stalled.story.push(message);
  await Promise.all([...quick, stalled].map((wire) => wire.ask({ op: "join", room })));

  const timed = async (count, first) => {
    const start = performance.now();
    const before = arrived.map((those) => those.length);
    // Those who read keep up: the shortest log would not wait for them on a busy machine.
    const may = (i) => arrived.every((those) => those.length + 24 > first + i) &&
      (stalled.socket.isPaused() || stalled.events.length + 24 > first + i);
    const answers = await publishAll(publisher, count, (i) => ({ room, data: payload(first + i) }), { window: 16, may });
    await until(() => arrived.every((those, n) => quick[n].check() && those.length >= before[n] + count),
      () => `all readers get ${count} events: ${arrived.map((those) => those.length)}`, 60_000);
    return [answers, performance.now() - start];
  };
  // The first ones with everybody reading: what these readers can do on this machine now.
  const [first, alone] = await timed(many / 4, 0);
  await stalled.gets(many / 4);
  stalled.pause();
  const [answers, beside] = await timed(many, many / 4);
  const late = stalled.events.length;
  assert.ok(late < many, "the reader stalls: not everything fits into the kernel's buffers");
  assert.ok(beside < 2 * 4 * alone + 1000, `others are not held up: ${beside} ms beside it, ${alone} ms for a quarter without`);
  const published = offsets([...first, ...answers]);
  for (const [n, those] of arrived.entries()) {
    const at = published.findIndex((offset, i) => those[i] !== offset);
    assert.ok(at < 0 && those.length === published.length,
      `reader ${n} of ${room}: ${those.slice(at - 3, at + 6)} instead of ${published.slice(at - 3, at + 6)}; ${JSON.stringify(quick[n].pushes)}`);
  }

  stalled.resume();
  await after(stalled, published);

  // And it is live again.
  const [last] = await publishAll(publisher, 1, () => ({ room, data: "last" }));
  await until(() => stalled.check() && stalled.events.at(-1).offset === last.offset, "the stalled reader is live again");
  assert.ok(stalled.events.at(-1).data === "last");
  return stalled;
}

async function everything(stalled, published) {
  await stalled.gets(published.length, 60_000);
  assert.deepEqual(offsets(stalled.events), published, "every event once and in order");
  assert.deepEqual(stalled.pushes, [], "no gap");
  whole(stalled.events);
}

/** Walks what came in its order: each event follows the one before it, or a gap that says so. */
async function gap(stalled, published) {
  await until(() => stalled.check() && stalled.events.at(-1).offset === published.at(-1), "the end of the log", 60_000);
  let had;
  let hole;
  let missing = 0;
  for (const one of stalled.story) {
    if (one.op === "gap") {
      assert.equal(hole, undefined, "something follows a gap");
      assert.equal(one.from, had.offset, "from: the last one that it had");
      hole = one;
      continue;
    }
    assert.equal(one.op, "event");
    const at = published.indexOf(one.offset);
    assert.deepEqual(one.data, payload(at));
    if (hole) {
      assert.equal(one.offset, hole.to, "to: the next one that follows");
      missing += at - published.indexOf(hole.from) - 1;
      hole = undefined;
    } else if (had) {
      assert.equal(at, published.indexOf(had.offset) + 1, `no hole is passed over in silence, none repeats: ${one.offset} after ${had.offset}`);
    }
    had = one;
  }
  assert.ok(missing > 0, "the log was too short");
  assert.equal(stalled.events.length + missing, published.length);
  assert.ok(stalled.events.slice(-50).every((event, n) => event.offset === published.at(n - 50)), "what the log still has follows");
}

// On NATS they take a minute more: ALL_WAYS=1 npm test.
for (const way of ways.filter(({ nats }) => !nats || process.env.ALL_WAYS)) {
  test(`a stalled reader catches up from the tape, the log, or is told of a gap (${way.name})`, async (t) => {
    const node = await serve(t, { ...way, sections });
    await pass(node, "tape.1", everything);
    await pass(node, "log.1", everything);
    // Its gap is said in order: everything before it is there when it comes.
    await pass(node, "short.1", gap);
  });

  test(`a stalled reader catches up from the log on disk (${way.name})`, async (t) => {
    const node = await serve(t, { ...way, sections, dataDir: directory() });
    await pass(node, "log.1", everything);
  });

  test(`memory stays bounded while a reader is stalled (${way.name})`, async (t) => {
    const node = await serve(t, { ...way, sections });
    const publisher = await node.client();
    const stalled = await node.clients(5);
    const quick = await node.clients(5, { keep: false });
    const got = quick.map(() => 0);
    quick.forEach((wire, n) => { wire.onEvent = () => { ++got[n]; }; });
    await Promise.all([...stalled, ...quick].map((wire) => wire.ask({ op: "join", room: "short.memory" })));
    for (const wire of stalled) wire.pause();
    const text = "m".repeat(60_000);
    let sent = 0;
    const round = (count) => {
      const first = sent;
      sent += count;
      return publishAll(publisher, count, () => ({ room: "short.memory", data: text }),
        // Each keeps up, not all of them together: the log would not wait for the last one.
        { window: 8, may: (i) => got.every((n) => n + 24 > first + i) });
    };
    await round(100); // buffers and allocator have their size now
    const before = node.rss();
    let most = before;
    const watch = setInterval(() => { most = Math.max(most, node.rss()); }, 50);
    await round(600);
    clearInterval(watch);
    await until(() => got.every((n) => n === 700), () => `the others get everything: ${got}`, 30_000);
    most = Math.max(most, node.rss());
    t.diagnostic(`${megabytes(600 * text.length)} MB passed 5 stalled readers; RSS ${megabytes(before)} -> ${megabytes(most)} MB at most`);
    assert.ok(most - before < 24e6, `RSS grew by ${megabytes(most - before)} MB`);
  });
}
