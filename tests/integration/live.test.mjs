// Live rooms and a socket that is not read: what each policy gives and what it says was lost.

import assert from "node:assert/strict";
import test from "node:test";

import { publishAll, serve, ways } from "./support/broker.mjs";
import { until } from "./support/wire.mjs";

const live = (overflow, more) => ({ kind: "live", overflow, tape_bytes: 65_536, presence: "off", ...more });
const sections = {
  limits: { send_buffer_bytes: 4608, stall: "5m" },
  "namespace.oldest": live("drop_oldest"),
  "namespace.newest": live("drop_newest"),
  "namespace.conflate": live("conflate"),
  "namespace.narrow": live("conflate", { conflate_keys: 8 }),
  "namespace.strict": live("disconnect"),
  "namespace.kept": { overflow: "disconnect", tape_bytes: 65_536, presence: "off" },
};
const many = 1200;
const text = "l".repeat(4096);

/**
 * Joins a reader, stalls it, publishes `many` events and lets it read again. It publishes some itself
 * meanwhile that it does not want back.
 */
async function stall(node, room, { key = () => undefined, speaks = true } = {}) {
  const [publisher, reader, quick] = await node.clients(3);
  for (const wire of [reader, quick]) await wire.ask({ op: "join", room });
  const make = (i) => ({ room, key: key(i), data: { i, text } });
  // Those who read are waited for, so that only the stalled one is overtaken.
  const told = (wire) => wire.check() && wire.events.length + dropped(wire);
  await publishAll(publisher, 10, make, { may: (i) => told(reader) >= i && told(quick) >= i });
  await until(() => told(reader) === 10 && told(quick) === 10, "both get the first ones, or are told", 10_000);
  reader.pause();
  const own = [];
  const may = (i) => told(quick) >= 10 + i + own.length - 4;
  for (let done = 0; done < many; done += 100) {
    const from = done;
    await publishAll(publisher, 100, (i) => make(10 + from + i), { may: (i) => may(from + i) });
    // Not awaited: the answer waits behind what the reader does not read.
    if (speaks) own.push(done);
    if (speaks) reader.send({ op: "publish", room, type: "message", key: key(done), data: { own: done }, echo: false });
    await until(() => told(quick) === 10 + done + 100 + own.length,
      () => `the quick one is told of everything: ${told(quick)} of ${10 + done + 100 + own.length}`, 10_000);
  }
  assert.ok(reader.events.length < 10 + many, "it stalls");
  reader.resume();
  const published = 10 + many;
  return { publisher, reader, quick, published, own: own.length };
}

const dropped = (wire) => wire.pushes.reduce((sum, push) => sum + (push.op === "dropped" ? push.count : 0), 0);

function inOrder(events) {
  const seen = events.map((event) => event.data.i);
  for (let n = 1; n < seen.length; ++n) assert.ok(seen[n] > seen[n - 1], `${seen[n - 1]} before ${seen[n]}`);
  for (const event of events) {
    assert.equal(event.data.text, text);
    assert.equal("offset" in event, false, "live rooms have no positions");
  }
  return seen;
}

for (const way of ways) {
  for (const policy of ["oldest", "newest"])
    test(`drop_${policy} tells exactly what was lost, without waiting for another event (${way.name})`, async (t) => {
      const node = await serve(t, { ...way, sections });
      const { publisher, reader, published } = await stall(node, `${policy}.1`);
      await until(() => reader.check() && reader.events.length + dropped(reader) >= published,
        () => `${reader.events.length} sent + ${dropped(reader)} dropped = ${published}`, 20_000);
      assert.ok(dropped(reader) > 0);
      const seen = inOrder(reader.events);
      if (policy === "oldest") assert.equal(seen.at(-1), published - 1, "the newest ones are there");
      else assert.ok(seen.at(-1) < published - 1, "the newest ones were skipped");
      // One after the other, until it gets one: its socket may still look full to the first.
      let more = 0;
      for (const before = reader.events.length; reader.events.length === before && more < 50; ++more) {
        await publishAll(publisher, 1, () => ({ room: `${policy}.1`, data: { i: published + more, text } }));
        await until(() => reader.check() && reader.events.length + dropped(reader) === published + more + 1,
          "sent + dropped = published", 10_000);
      }
      assert.equal(reader.events.at(-1).data.i, published + more - 1, "it is live again");
      t.diagnostic(`${reader.events.length} sent + ${dropped(reader)} dropped`);
    });

  test(`conflate brings the newest event of each key (${way.name})`, async (t) => {
    const node = await serve(t, { ...way, sections });
    // Key k is silent after its turn: its newest event is far behind when the reader comes back.
    const key = (i) => `k${i < 400 ? i % 50 : i % 7}`;
    const { reader, published } = await stall(node, "conflate.1", { key });
    await until(() => reader.check() && reader.events.length + dropped(reader) >= published,
      () => `${reader.events.length} sent + ${dropped(reader)} dropped = ${published}`, 20_000);
    assert.equal(reader.events.length + dropped(reader), published);
    assert.ok(dropped(reader) > 0);
    inOrder(reader.events);
    const newest = new Map();
    for (let i = 0; i < published; ++i) newest.set(key(i), i);
    const got = new Map(reader.events.map((event) => [event.key, event.data.i]));
    // The reader's own events took the key over; it does not get them, so an older one need not come.
    const own = new Set(Array.from({ length: many / 100 }, (_, n) => key(n * 100)));
    for (const [name, i] of newest) if (!own.has(name)) assert.equal(got.get(name), i, `the newest of ${name}`);
    t.diagnostic(`${reader.events.length} sent + ${dropped(reader)} dropped`);
  });

  test(`conflate keeps a bounded number of keys (${way.name})`, async (t) => {
    const node = await serve(t, { ...way, sections });
    const { reader, published } = await stall(node, "narrow.1", { key: (i) => `k${i}` });
    await until(() => reader.check() && reader.events.length + dropped(reader) >= published,
      () => `${reader.events.length} sent + ${dropped(reader)} dropped = ${published}`, 20_000);
    assert.equal(reader.events.length + dropped(reader), published);
    assert.equal(inOrder(reader.events).at(-1), published - 1);
    assert.ok(dropped(reader) > 0);
  });

  test(`disconnect closes the overtaken with 4103 (${way.name})`, async (t) => {
    const node = await serve(t, { ...way, sections });
    for (const room of ["strict.1", "kept.1"]) {
      const { reader, quick } = await stall(node, room, { speaks: false }); // it may be gone before it is heard
      await until(() => reader.closed, `the end of the reader of ${room}`, 20_000);
      assert.equal(reader.closeCode, 4103);
      const goodbye = reader.pushes.find((push) => push.op === "goodbye");
      assert.equal(goodbye.code, 4103);
      assert.equal(goodbye.reconnect, true);
      assert.equal(reader.broken, null);
      assert.equal(quick.closed, false, "the others stay");
    }
  });

  test(`who takes no byte for a while is closed with 4103 (${way.name})`, async (t) => {
    const node = await serve(t, { ...way, sections: { ...sections, limits: { ...sections.limits, stall: "1s" } } });
    const [publisher, reader, quick] = await node.clients(3);
    for (const wire of [reader, quick]) await wire.ask({ op: "join", room: "oldest.stall" });
    reader.pause();
    const may = (i) => quick.events.length + dropped(quick) > i - 4;
    await publishAll(publisher, 600, (i) => ({ room: "oldest.stall", data: { i, text } }), { may });
    await until(async () => (await node.metric('hubbub_goodbyes_total{code="4103"}')) > 0, "the stalled one is sent away", 20_000);
    reader.resume(); // in time for the last words
    await until(() => reader.closed, "it sees the end", 10_000);
    assert.equal(reader.broken, null);
    assert.equal(reader.closeCode, 4103);
    const goodbye = reader.pushes.find((push) => push.op === "goodbye");
    assert.equal(goodbye.code, 4103);
    assert.equal(goodbye.reconnect, true);
    await until(async () => (await node.get("/v1/connections")).connections.length === 2, "it is gone, the others stay", 10_000);
    assert.equal(await node.metric('hubbub_goodbyes_total{code="4103"}'), 1);
    assert.equal(quick.closed, false);
  });
}
