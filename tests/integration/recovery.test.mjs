// Coming back: positions, gaps, history, and many who come back at once.

import assert from "node:assert/strict";
import test from "node:test";

import { directory, plainWays, publishAll, serve, ways } from "./support/broker.mjs";
import { until } from "./support/wire.mjs";

const sections = {
  log: { sync: "normal" },
  limits: { send_buffer_bytes: 4608 },
  // The tape holds the newest few; the rest comes from the log.
  "namespace.chat": { tape_bytes: 4096, history_size: 100_000, presence: "off" },
  "namespace.short": { tape_bytes: 4096, history_size: 10 },
};
const offsets = (events) => events.map((event) => event.offset);
const event = (room) => (i) => ({ room, data: { i, text: "r".repeat(i % 200) } });

for (const way of plainWays) {
  test(`a position brings back what was missed, or a gap (${way.name})`, async (t) => {
    const node = await serve(t, { ...way, sections });
    const publisher = await node.client();
    const all = offsets(await publishAll(publisher, 60, event("chat.1")));
    const { epoch } = await publisher.ask({ op: "join", room: "chat.1" });

    for (const at of [0, 1, 30, 57, 59, 60]) {
      const wire = await node.client();
      const offset = at === 0 ? 0 : all[at - 1];
      const answer = await wire.ask({ op: "join", room: "chat.1", since: { epoch, offset } });
      assert.equal(answer.recovered, true);
      assert.equal(answer.offset, offset);
      assert.equal(answer.head, all.at(-1));
      await wire.gets(60 - at);
      await publishAll(publisher, 1, () => ({ room: "chat.other", data: 1 }));
      assert.deepEqual(offsets(wire.events), all.slice(at));
      assert.deepEqual(wire.pushes, []);
    }

    const foreign = await node.client();
    const other = await foreign.ask({ op: "join", room: "chat.1", since: { epoch: "another", offset: all[50] } });
    assert.equal(other.recovered, false);
    assert.equal(other.epoch, epoch);
    await foreign.gets(60);
    assert.deepEqual(foreign.pushes, [{ op: "gap", room: "chat.1", from: all[50], to: all[0] }]);
    assert.deepEqual(offsets(foreign.events), all, "everything still retained follows");
    assert.ok(other.offset < all[0]);

    const never = await node.client();
    const ahead = await never.ask({ op: "join", room: "chat.1", since: { epoch, offset: all.at(-1) + 1000 } });
    assert.equal(ahead.recovered, false, "an offset that the log never gave says nothing");
  });

  test(`what the log gave up is a gap (${way.name})`, async (t) => {
    const node = await serve(t, { ...way, sections });
    const publisher = await node.client();
    const all = offsets(await publishAll(publisher, 60, event("short.1")));
    const { epoch } = await publisher.ask({ op: "join", room: "short.1" });
    const retained = all.slice(-10);
    for (const offset of [0, all[4], all[48]]) {
      const wire = await node.client();
      const answer = await wire.ask({ op: "join", room: "short.1", since: { epoch, offset } });
      assert.equal(answer.recovered, false, `since ${offset}`);
      await wire.gets(10);
      assert.deepEqual(wire.pushes, [{ op: "gap", room: "short.1", from: offset, to: retained[0] }]);
      assert.deepEqual(offsets(wire.events), retained);
    }
    for (const offset of [all[49], all[50], all[58]]) { // the first retained one follows it, or it is retained itself
      const wire = await node.client();
      assert.equal((await wire.ask({ op: "join", room: "short.1", since: { epoch, offset } })).recovered, true, `since ${offset}`);
      await wire.gets(all.filter((one) => one > offset).length);
      assert.deepEqual(offsets(wire.events), all.filter((one) => one > offset));
    }
  });

  test(`history comes on joining and by the page (${way.name})`, async (t) => {
    const node = await serve(t, { ...way, sections });
    const publisher = await node.client();
    const all = offsets(await publishAll(publisher, 250, event("chat.1")));
    for (const history of [1, 3, 100, 250, 9999]) {
      const wire = await node.client();
      const answer = await wire.ask({ op: "join", room: "chat.1", history });
      const wanted = all.slice(-history);
      assert.equal("recovered" in answer, false);
      assert.ok(answer.offset < wanted[0] && answer.offset >= (all[all.length - history - 1] ?? 0), `just before the first: ${answer.offset}`);
      const [live] = await publishAll(publisher, 1, event("chat.1"));
      all.push(live.offset);
      await wire.gets(wanted.length + 1);
      assert.deepEqual(offsets(wire.events), [...wanted, live.offset]);
    }

    const page = (fields) => publisher.ask({ op: "history", room: "chat.1", ...fields });
    const newest = await page({ limit: 20 });
    assert.deepEqual(offsets(newest.events), all.slice(-20));
    assert.equal(newest.more, true);
    assert.equal("op" in newest.events[0] || "room" in newest.events[0], false);
    for (const direction of ["before", "after"]) {
      const walked = [];
      let from = direction === "before" ? all.at(-1) + 1 : 0;
      for (let more = true; more;) {
        const some = await page({ limit: 37, [direction]: from });
        assert.ok(some.events.length <= 37 && some.events.length > 0);
        more = some.more;
        if (direction === "before") walked.unshift(...offsets(some.events));
        else walked.push(...offsets(some.events));
        from = direction === "before" ? walked[0] : walked.at(-1);
      }
      assert.deepEqual(walked, all, `walked with ${direction}`);
    }
    assert.deepEqual((await page({ limit: 5, after: all.at(-1) })).events, []);
    assert.deepEqual((await page({ limit: 5, before: all[0] })).events, []);

    // Large events: a page ends at about 256 KB.
    const large = await publishAll(publisher, 20, () => ({ room: "chat.large", data: "L".repeat(40_000) }));
    const cut = await publisher.ask({ op: "history", room: "chat.large", limit: 20, after: 0 });
    assert.equal(cut.more, true);
    assert.ok(cut.events.length >= 1 && cut.events.length * 40_000 < 300_000, `${cut.events.length} of 40 KB`);
    assert.deepEqual(offsets(cut.events), offsets(large).slice(0, cut.events.length));
  });

  for (const disk of [false, true])
    test(`a restart ${disk ? "with" : "without"} a data directory (${way.name})`, async (t) => {
      const dataDir = disk ? directory() : undefined;
      const before = await serve(t, { ...way, sections, dataDir });
      const publisher = await before.client();
      const all = offsets(await publishAll(publisher, 50, event("chat.1")));
      const { epoch } = await publisher.ask({ op: "join", room: "chat.1" });
      await before.stop();

      const node = await serve(t, { ...way, sections, dataDir });
      const wire = await node.client();
      const answer = await wire.ask({ op: "join", room: "chat.1", since: { epoch, offset: all[20] } });
      const again = await node.client();
      const more = offsets(await publishAll(again, 5, event("chat.1")));
      if (disk) {
        assert.equal(answer.epoch, epoch, "the log lives on");
        assert.equal(answer.recovered, true);
        assert.ok(more[0] > all.at(-1), "offsets rise over a restart");
        await wire.gets(34);
        assert.deepEqual(offsets(wire.events), [...all.slice(21), ...more]);
        assert.deepEqual(wire.pushes, []);
      } else {
        assert.notEqual(answer.epoch, epoch, "another log");
        assert.equal(answer.recovered, false);
        await wire.gets(5);
        assert.deepEqual(wire.pushes.map((push) => [push.op, push.to]), [["gap", null]]);
        assert.deepEqual(offsets(wire.events), more);
      }
    });
}

for (const way of ways) {
  // On NATS each reads a log of its own accord, of which a nats-server on the same cores gives only so much.
  const many = way.nats ? 60 : 300;
  test(`${many} come back at once with different positions while publishing goes on (${way.name})`, async (t) => {
    const node = await serve(t, { ...way, sections });
    const publishers = await node.clients(3);
    const room = "chat.storm";
    const all = [];
    const publish = async (wire, n) => { all.push(...offsets(await publishAll(wire, n, event(room), { window: 8 }))); };
    await publish(publishers[0], 600);
    const { epoch } = await publishers[0].ask({ op: "join", room });

    let stop = false;
    const going = publishers.map(async (wire) => { while (!stop) await publish(wire, 10); });
    const known = [...all];
    // Each comes, reads a little, goes, and comes back where it was: twice.
    const journeys = Array.from({ length: many }, async (_, n) => {
      const had = [];
      const start = known[(n * 7) % known.length];
      let position = start;
      for (let life = 0; life < 3; ++life) {
        const wire = await node.client({ keep: false });
        wire.onEvent = (one) => { had.push(one.offset); position = one.offset; };
        const answer = await wire.ask({ op: "join", room, since: { epoch, offset: position } });
        assert.equal(answer.recovered, true);
        if (life === 2) return { wire, had, start };
        const enough = had.length + 20 + (n % 50);
        await until(() => wire.check() && had.length >= enough, `reader ${n} reads on`, 60_000);
        assert.deepEqual(wire.pushes, []);
        node.forget(wire);
      }
    });
    const back = await Promise.all(journeys);
    stop = true;
    await Promise.all(going);
    all.sort((a, b) => a - b);
    await until(() => back.every(({ wire, had }) => wire.check() && had.at(-1) === all.at(-1)), "everybody reaches the end", 60_000);
    for (const { wire, had, start } of back) {
      assert.deepEqual(had, all.slice(all.indexOf(start) + 1), "no hole, no repeat");
      assert.deepEqual(wire.pushes, []);
    }
    t.diagnostic(`${all.length} events, ${back.reduce((sum, { had }) => sum + had.length, 0)} deliveries`);
  });
}
