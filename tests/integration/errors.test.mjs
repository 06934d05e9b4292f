// What is answered to who asks for too much, or takes too little. The codes of backends are in backend.test.mjs, `internal` is in
// supervision.test.mjs.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { connect } from "./support/client.mjs";
import { isError } from "./support/errors.mjs";
import { upgrade } from "./support/raw.mjs";
import { eventually, start } from "./support/server.mjs";

describe("limits", () => {
  test("rate_limited, then 4009", async (t) => {
    const server = await start(t, { config: "[limits]\ncommands_per_second = 5\n", dev: true });
    const client = await connect(server, { t });
    assert.equal(client.welcome.limits.commands_per_second, 5);
    const answers = await Promise.all(Array.from({ length: 8 }, () => client.ask({ op: "leave", room: "chat.1" })));
    assert.deepEqual(answers.slice(0, 5).map((m) => m.code), Array(5).fill("not_joined"));
    for (const answer of answers.slice(5)) {
      isError(answer, "rate_limited", answer.id);
      assert.ok(Number.isInteger(answer.retry_after_ms) && answer.retry_after_ms > 0 && answer.retry_after_ms <= 1000,
        JSON.stringify(answer));
    }
    await new Promise((resolve) => setTimeout(resolve, 400));
    assert.equal((await client.ask({ op: "leave", room: "chat.1" })).code, "not_joined", "the limit passes");
    for (let i = 0; i < 200; i++) client.send('{"op":"leave","id":0,"room":"chat.1"}');
    assert.equal((await client.ended()).code, 4009);
    assert.equal(client.of("goodbye")[0].reconnect, false);
  });

  test("a publish that is rate_limited can be told from one that was stored", async (t) => {
    const server = await start(t, { config: "[limits]\ncommands_per_second = 2\n", dev: true });
    const client = await connect(server, { t });
    const answers = await Promise.all([1, 2, 3, 4].map((n) =>
      client.ask({ op: "publish", room: "chat.1", type: "t", data: n, event_id: `e${n}` })));
    const stored = answers.filter((a) => a.op === "ok").length;
    assert.equal(stored, 2);
    const { json } = await server.ask("/v1/rooms/chat.1/history?limit=10");
    assert.equal(json().events.length, stored);
  });

  test("overloaded: a room's mailbox is full", async (t) => {
    const server = await start(t, {
      config: "[limits]\ncommands_in_flight = 65536\n[server]\nloops = 1\n", dev: true, dataDir: true,
    });
    const clients = await Promise.all(Array.from({ length: 12 }, () => connect(server, { t })));
    const each = 8;
    let refused = [];
    for (let round = 0; round < 10 && refused.length === 0; round++) {
      for (const [c, client] of clients.entries()) {
        const batches = [];
        for (let b = 0; b < each; b++)
          batches.push(JSON.stringify(Array.from({ length: 256 }, (_, i) => ({
            op: "publish", id: `${round}-${b}-${i}`, room: "chat.busy", type: "t", data: 1, event_id: `${round}-${c}-${b}-${i}`,
          }))));
        for (const batch of batches) client.send(batch);
      }
      await eventually(() => clients.every((c) => c.of("ok").length + c.of("error").length === (round + 1) * each * 256),
        "an answer to each", 60_000);
      refused = clients.flatMap((c) => c.of("error"));
    }
    assert.ok(refused.length > 0, "nothing was refused");
    for (const answer of refused) {
      isError(answer, "overloaded", answer.id);
      assert.ok(answer.retry_after_ms > 0, JSON.stringify(answer));
      assert.equal(answer.outcome, "not_stored");
      assert.match(answer.event_id, /^\d+-\d+-\d+-\d+$/);
    }
    // The id that is told is the one to try again with.
    const again = await clients[0].must({
      op: "publish", room: "chat.busy", type: "t", data: 1, event_id: refused[0].event_id,
    });
    assert.equal(again.event_id, refused[0].event_id);
    const room = (await server.ask("/v1/rooms?prefix=chat.")).json().rooms[0];
    assert.equal(room.room, "chat.busy");
    await server.mustBeWell();
  });

  test("unavailable: the log's disk is full", async (t) => {
    const server = await start(t, { dev: true, dataDir: true, ulimit: "-f 400" }); // 512-byte blocks, or 1 KB ones
    const client = await connect(server, { t });
    await client.must({ op: "join", room: "chat.full" });
    let answer;
    let stored = 0;
    for (let i = 0; i < 200; i++) {
      answer = await client.ask({ op: "publish", room: "chat.full", type: "t", data: "x".repeat(8000), event_id: `f${i}` });
      if (answer.op === "error") break;
      stored++;
    }
    isError(answer, "unavailable", answer.id);
    assert.ok(stored > 0);
    assert.ok(["not_stored", "unknown"].includes(answer.outcome), JSON.stringify(answer));
    assert.equal(answer.event_id, `f${stored}`);
    const ready = await server.ask("/readyz");
    assert.equal(ready.status, 503);
    assert.ok(server.running, "a full disk ended the server");
    // The backend is refused as well.
    const body = JSON.stringify({ room: "chat.full", type: "t", data: "x".repeat(8000) });
    const none = await server.ask("/v1/publish", { method: "POST", body });
    assert.equal(none.status, 503, none.text);
    assert.ok(Number(none.headers["retry-after"]) >= 1);
    assert.equal(none.json().code, "unavailable");
    assert.ok(["not_stored", "unknown"].includes(none.json().outcome), none.text);
    // What was confirmed can still be read, and nothing else was delivered.
    const confirmed = Array.from({ length: stored }, (_, i) => `f${i}`);
    assert.deepEqual(client.events.map((event) => event.event_id), confirmed);
    const { events } = (await server.ask("/v1/rooms/chat.full/history?limit=1000")).json();
    assert.deepEqual(events.map((event) => event.event_id), confirmed);
  });
});

describe("life", () => {
  test("4104: no answer to pings, and none to who answers", async (t) => {
    const server = await start(t, { config: '[limits]\nping = "300ms"\npong_within = "500ms"\n', dev: true });
    const silent = await connect(server, { t, answersPings: false });
    const answering = await connect(server, { t });
    const { code } = await silent.ended(5000);
    assert.equal(code, 4104);
    assert.ok(silent.of("ping").length >= 1);
    const [goodbye] = silent.of("goodbye");
    assert.equal(goodbye.reconnect, true);
    assert.ok(goodbye.retry_after_ms > 0);
    await eventually(() => answering.of("ping").length >= 3, "three pings");
    assert.ok(answering.isOpen);
  });

  test("4106: who is sent away to make room may come back", async (t) => {
    const server = await start(t);
    const [one, other] = [await connect(server, { t }), await connect(server, { t })];
    const disconnect = { method: "POST", body: JSON.stringify({ session: one.welcome.session, reconnect: true }) };
    const done = await server.ask("/v1/disconnect", disconnect);
    assert.deepEqual(done.json(), { disconnected: 1 });
    assert.equal((await one.ended()).code, 4106);
    const [goodbye] = one.of("goodbye");
    assert.equal(goodbye.code, 4106);
    assert.equal(goodbye.reconnect, true);
    assert.ok(goodbye.retry_after_ms > 0);
    assert.ok(other.isOpen);
    assert.equal(await server.metric('hubbub_goodbyes_total{code="4106"}'), 1);
    (await connect(server, { t })).cut();
  });

  test("4103: who takes nothing is closed, and others are served meanwhile", async (t) => {
    const server = await start(t, {
      config: '[limits]\nstall = "1s"\nsend_buffer_bytes = 8192\n', dev: true,
    });
    const slow = await upgrade(server.port, { t });
    const healthy = await connect(server, { t });
    await slow.say({ op: "join", id: 1, room: "chat.slow" });
    await slow.message((m) => m.op === "ok");
    await healthy.must({ op: "join", room: "chat.slow" });
    slow.pause();
    const data = "x".repeat(60_000);
    const closed = () => server.metric('hubbub_goodbyes_total{code="4103"}');
    let sent = 0;
    for (const end = Date.now() + 15_000; Date.now() < end && (await closed()) === 0;) {
      await healthy.must({ op: "publish", room: "chat.slow", type: "t", data });
      sent++;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(await closed(), 1, `after ${sent} events: ${[...(await server.metrics()).keys()]}`);
    await eventually(() => healthy.events.length === sent, "all events at the healthy one");
    assert.ok(healthy.isOpen);
  });
});
