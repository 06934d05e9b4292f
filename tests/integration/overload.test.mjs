// More publishes for one room than its mailbox holds: its publishers are told, memory is bounded, others go on.

import assert from "node:assert/strict";
import test from "node:test";

import { megabytes, plainWays, publishAll, serve } from "./support/broker.mjs";
import { until } from "./support/wire.mjs";

const rules = { presence: "off", history_size: 100_000, tape_bytes: 65_536 };
const sections = { "namespace.busy": rules, "namespace.calm": rules };
const publishers = 120;
const each = 64;

for (const way of plainWays)
  test(`a full mailbox is felt by the room's publishers only (${way.name})`, async (t) => {
    const node = await serve(t, { ...way, sections });
    const wires = await node.clients(publishers);
    const [reader, bystander] = await node.clients(2);
    const { epoch } = await reader.ask({ op: "join", room: "busy.1" });
    await bystander.ask({ op: "join", room: "calm.1" });
    const before = node.rss();
    let most = before;
    const stored = new Set();
    let refused = 0;
    for (let round = 0; round < 3; ++round) {
      // Stopped, so that all of it waits in the sockets and comes at once.
      node.signal("SIGSTOP");
      await until(async () => /State:\s+T/.test(node.status()), "it stands still");
      const answers = wires.flatMap((wire, w) => wire.send(...Array.from({ length: each }, (_, n) => (
        { op: "publish", room: "busy.1", type: "message", data: "d".repeat(500), event_id: `${round}-${w}-${n}` }))));
      const calm = bystander.ask({ op: "publish", room: "calm.1", type: "message", data: round });
      await until(() => wires.every((wire) => wire.socket.writableLength === 0), "the kernel has all of it");
      node.signal("SIGCONT");
      assert.equal(typeof (await calm).offset, "number", "another room takes its event");
      const outcomes = await Promise.allSettled(answers);
      most = Math.max(most, node.rss());
      const again = [];
      for (const [i, { status, value, reason }] of outcomes.entries()) {
        if (status === "fulfilled") {
          assert.equal(value.duplicate, false);
          stored.add(value.event_id);
          continue;
        }
        assert.equal(reason.answer?.code, "overloaded", reason.message);
        assert.ok(reason.answer.retry_after_ms > 0);
        assert.equal(reason.answer.outcome, "not_stored");
        assert.equal(reason.answer.event_id, `${round}-${Math.floor(i / each)}-${i % each}`);
        again.push(reason.answer.event_id);
      }
      refused += again.length;
      // `not_stored` is true: none of them is a duplicate now.
      for (const answer of await publishAll(wires[0], again.length, (i) => ({ room: "busy.1", data: "again", event_id: again[i] }))) {
        assert.equal(answer.duplicate, false);
        stored.add(answer.event_id);
      }
    }
    const total = 3 * publishers * each;
    assert.equal(stored.size, total);
    await reader.gets(total);
    assert.equal(reader.events.length, total, "each once");
    assert.equal(new Set(reader.events.map((event) => event.event_id)).size, total);
    assert.ok(reader.events.every((event, n) => n === 0 || event.offset > reader.events[n - 1].offset));
    assert.equal((await reader.ask({ op: "history", room: "busy.1", limit: 1 })).epoch, epoch, "the room lived through it");
    await bystander.gets(3);
    t.diagnostic(`${refused} of ${total} were told to come later; RSS ${megabytes(before)} -> ${megabytes(most)} MB at most`);
    // With one loop everything is read before the room has its turn; several loops may keep up.
    if (way.loops === 1) assert.ok(refused > 0, "the mailbox is bounded");
    assert.ok(most - before < 40e6, `RSS grew by ${megabytes(most - before)} MB`);
  });
