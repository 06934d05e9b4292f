// One room's events to many readers while pings and answers go out between them: whole frames, in order.

import assert from "node:assert/strict";
import test from "node:test";

import { publishAll, serve, ways } from "./support/broker.mjs";
import { until } from "./support/wire.mjs";

const sections = {
  limits: { send_buffer_bytes: 4608, stall: "5m" },
  "namespace.fan": { presence: "off", history_size: 100_000 },
};
const rooms = ["fan.a", "fan.b", "fan.c"];
const sizes = [10, 60_000, 120, 3000, 131, 20_000, 65, 130, 9000, 700];

/** What the n-th event of a publisher holds: told by its name, so that every byte can be checked. */
function dataOf(publisher, n) {
  const size = sizes[(n * 7 + publisher * 3) % sizes.length];
  const word = `${publisher}:${n};`;
  return { publisher, n, text: word.repeat(Math.ceil(size / word.length)).slice(0, size) };
}

/** Pings all the time, and wants each pong in its turn. */
function chatter(wire, name) {
  let sent = 0;
  let got = 0;
  let going = true;
  const more = () => {
    while (going && sent < got + 3) wire.ping(`${name}-${sent++}`);
  };
  wire.onPong = (text) => {
    if (text !== `${name}-${got}`) return wire.fail(`pong ${text} instead of ${name}-${got}`);
    ++got;
    setImmediate(more);
  };
  more();
  return { stop() { going = false; }, done: () => got === sent, count: () => got };
}

for (const way of ways)
  test(`fan-out to fifty readers under pings, with and without compression (${way.name})`, async (t) => {
    const node = await serve(t, { ...way, sections });
    const each = 60;
    const readers = await node.clients(50, (i) => ({ deflate: i % 2 === 1, keep: false }));
    const seen = readers.map(() => new Map(rooms.map((room) => [room, []])));
    readers.forEach((wire, r) => {
      wire.onEvent = (event, text) => {
        const { publisher, n } = event.data;
        const expected = JSON.stringify(dataOf(publisher, n));
        if (!text.includes(`"data":${expected}`)) return wire.fail(`event ${publisher}:${n} is not what was published`);
        seen[r].get(event.room).push(event);
        event.data = { publisher, n };
      };
    });
    await Promise.all(readers.flatMap((wire) => wire.send(...rooms.map((room) => ({ op: "join", room })))));
    const chats = readers.map((wire, r) => chatter(wire, `r${r}`));

    // Six publishers, two for each room; every other one reads along and does not want its own events back.
    const publishers = await node.clients(6, { keep: false });
    const heard = publishers.map(() => []);
    await Promise.all(publishers.map(async (wire, p) => {
      wire.onEvent = (event) => heard[p].push(event.data.publisher);
      if (p % 2) await wire.ask({ op: "join", room: rooms[p % 3] });
    }));
    const offsets = await Promise.all(publishers.map(async (wire, p) => {
      const command = (n) => ({ op: "publish", room: rooms[p % 3], type: "message", data: dataOf(p, n), ...(p % 2 && { echo: false }) });
      // Some one by one, some in batches.
      const answers = await publishAll(wire, each / 2, command, { window: 8 });
      for (let n = each / 2; n < each; n += 5)
        answers.push(...await Promise.all(wire.send(...[0, 1, 2, 3, 4].map((i) => command(n + i)))));
      return answers.map((answer) => answer.offset);
    }));
    const total = publishers.length * each;
    const count = (r) => rooms.reduce((sum, room) => sum + seen[r].get(room).length, 0);
    await until(() => readers.every((wire, r) => wire.check() && count(r) >= total),
      () => `everybody gets ${total}: ${readers.map((_, r) => count(r))}`, 60_000);
    for (const chat of chats) chat.stop();
    await until(() => readers.every((wire, r) => wire.check() && chats[r].done()), "every ping has its pong", 20_000);

    for (const [room, index] of rooms.map((room, i) => [room, i])) {
      const all = [...offsets[index], ...offsets[index + 3]].sort((a, b) => a - b);
      for (const own of seen) {
        const events = own.get(room);
        assert.deepEqual(events.map((event) => event.offset), all, "each once, in the log's order");
        for (const p of [index, index + 3])
          assert.deepEqual(events.filter((event) => event.data.publisher === p).map((event) => event.data.n),
            Array.from({ length: each }, (_, n) => n), "in the order in which they were published");
      }
    }
    for (const [p, those] of heard.entries()) {
      if (!(p % 2)) continue;
      await until(() => publishers[p].check() && heard[p].length >= each, "the other publisher's events");
      assert.deepEqual([...new Set(those)], [(p + 3) % 6], "not its own");
      assert.equal(those.length, each);
    }
    assert.ok(readers.every((wire) => wire.pushes.length === 0), "nobody misses anything");
    assert.ok(readers.every((wire, r) => (r % 2 ? wire.compressed > 0 : wire.compressed === 0)), "who negotiated it gets compressed frames");
    assert.ok(chats.every((chat) => chat.count() > 10));
    t.diagnostic(`${total * readers.length} deliveries, ${chats.reduce((sum, chat) => sum + chat.count(), 0)} pongs`);
  });
