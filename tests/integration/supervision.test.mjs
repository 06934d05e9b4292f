// What crashes and what hangs, in the real binary: with the debug commands of the asan and dev builds. A release
// has none, which is all that is asked of it here.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test, { describe } from "node:test";

import { connect } from "./support/client.mjs";
import { binary, eventually, request, sleep, start, within } from "./support/server.mjs";

const program = readFileSync(binary);
const breakable = program.includes("/v1/debug");

const two = (workers = 1) => `[server]\nloops = 2\nworkers = ${workers}\ndev = true\n[limits]\ncommands_per_second = 0\n`;

/** Has the node break itself. */
async function breaks(server, query) {
  const answer = await server.ask(`/v1/debug?${query}`, { method: "POST" });
  assert.equal(answer.status, 200, answer.text);
}

/** The lines of the log in which all of these stand. */
const lines = (server, ...parts) => server.stderr.split("\n").filter((line) => parts.every((part) => line.includes(part)));

test("a release cannot be told to break", { skip: breakable && "this build has debug commands" }, async (t) => {
  assert.ok(!program.includes("asked to by"));
  const server = await start(t);
  for (const query of ["", "?hang=loop", "?crash=room"])
    assert.equal((await server.ask(`/v1/debug${query}`, { method: "POST" })).status, 404);
  await server.mustBeWell();
});

test("a build with debug commands wants an order that it knows", { skip: !breakable && "a release" }, async (t) => {
  const server = await start(t);
  assert.equal((await server.ask("/v1/debug?hang=up", { method: "POST" })).status, 400);
  assert.equal((await request(`${server.url}/v1/debug?hang=loop`, { method: "POST" })).status, 404);
  await server.mustBeWell();
});

describe("what hangs", { skip: !breakable && "no debug commands", concurrency: 3 }, () => {
  /** The demand is 5 s; the rest is for the process to end and for a machine with other things to do. */
  async function endsBy(server, what) {
    const begun = performance.now();
    const { code, signal } = await within(15_000, server.exited, `the end for ${what}`);
    assert.deepEqual({ code, signal }, { code: 71, signal: null }, server.stderr);
    const [line, ...more] = lines(server, "stands still");
    assert.deepEqual(more, []);
    assert.match(line, /^\S+ \S+ error watchdog: /);
    assert.ok(line.includes(`what="${what}"`) || line.includes(`what=${what}`), line);
    assert.match(line, /since="?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"? for_ms=4000/);
    return performance.now() - begun;
  }

  test("a loop ends the process", async (t) => {
    const server = await start(t, { config: two() });
    await breaks(server, "hang=loop&loop=1");
    t.diagnostic(`after ${(await endsBy(server, "loop 1") / 1000).toFixed(1)} s`);
  });

  test("the loop that serves the admin listener, too", async (t) => {
    const server = await start(t, { config: two() });
    await breaks(server, "hang=loop&loop=0");
    await endsBy(server, "loop 0");
  });

  test("the only worker ends the process", async (t) => {
    const server = await start(t, { config: two() });
    await breaks(server, "hang=worker");
    await endsBy(server, "worker 0");
  });

  test("one worker of three ends the process, though the others go on", async (t) => {
    const server = await start(t, { config: two(3) });
    await breaks(server, "hang=worker");
    const { code } = await within(15_000, server.exited, "the end");
    assert.equal(code, 71, server.stderr);
    assert.equal(lines(server, "stands still", "worker ").length, 1, server.stderr);
  });

  test("nobody does when the process was stopped as a whole", async (t) => {
    const server = await start(t, { config: two(2) });
    const client = await connect(server, { t });
    await client.must({ op: "join", room: "chat.1" });
    await eventually(async () => (await tree(server)).children[3].turns > 3, "it turns");
    server.signal("SIGSTOP");
    await sleep(7000); // what is tested is this time
    server.signal("SIGCONT");
    // Longer than it would take to find somebody who stood still when it began to count anew.
    for (const end = performance.now() + 3000; performance.now() < end; await sleep(100))
      await client.must({ op: "publish", room: "chat.1", type: "t", data: 1 });
    await server.mustBeWell();
    assert.equal(lines(server, "watchdog").length, 0, server.stderr);
  });
});

const tree = async (server) => (await server.ask("/v1/supervisors")).json().tree;

describe("what crashes", { skip: !breakable && "no debug commands" }, () => {
  test("a room is rebuilt and its readers go on", async (t) => {
    const server = await start(t, { config: two() });
    const client = await connect(server, { t });
    await client.must({ op: "join", room: "chat.1" });
    await client.must({ op: "publish", room: "chat.1", type: "t", data: "before" });
    await breaks(server, "crash=room&whom=chat.1");
    await eventually(async () => (await tree(server)).children[0].crashes === 1, "the crash");
    await eventually(async () => (await client.ask({ op: "publish", room: "chat.1", type: "t", data: "after", event_id: "a" })).op === "ok");
    await client.waitFor((m) => m.op === "event" && m.data === "after");
    assert.deepEqual(client.events.map((e) => e.data), ["before", "after"]);
    const [rooms] = (await tree(server)).children;
    assert.equal(rooms.last.child, "chat.1");
    assert.match(rooms.last.reason, /debug/);
    assert.equal(lines(server, "room=chat.1", "debug").length, 1, server.stderr);
    await server.mustBeWell();
  });

  test("a connection ends alone", async (t) => {
    const server = await start(t, { config: two() });
    const [ann, bob] = [await connect(server, { t }), await connect(server, { t })];
    await breaks(server, `crash=connection&whom=${ann.welcome.session}`);
    assert.equal((await ann.ended()).code, 1011);
    await bob.must({ op: "join", room: "chat.1" });
    assert.equal(await server.metric("hubbub_connection_crashes_total"), 1);
    assert.equal((await tree(server)).children[1].last.child, ann.welcome.session);
    await server.mustBeWell();
  });

  test("internal: the command that broke is answered before its connection ends", async (t) => {
    const server = await start(t, { config: two() });
    const [ann, bob] = [await connect(server, { t }), await connect(server, { t })];
    const answer = await ann.ask({ op: "history", room: "debug.breaks", limit: 1 });
    assert.deepEqual([answer.op, answer.code], ["error", "internal"]);
    assert.match(answer.message, /not known/);
    assert.equal((await ann.ended()).code, 1011);
    assert.equal(await server.metric("hubbub_connection_crashes_total"), 1);
    await bob.must({ op: "publish", room: "chat.1", type: "t", data: 1 });
    await server.mustBeWell();
  });

  test("a thread of the log goes on", async (t) => {
    const server = await start(t, { config: two(), dataDir: true });
    await breaks(server, "crash=bus");
    await eventually(async () => await server.metric("hubbub_bus_crashes_total") === 1, "the crash is counted");
    assert.equal((await tree(server)).children[2].last.child, "reader");
    assert.equal(lines(server, "bus: ", "debug").length, 1, server.stderr);
    const client = await connect(server, { t });
    await client.must({ op: "publish", room: "chat.1", type: "t", data: 1 });
    assert.equal((await client.must({ op: "history", room: "chat.1", limit: 1 })).events.length, 1);
    await server.mustBeWell();
  });

  /** Everybody was told to come back, the log says why, and whoever started it sees that it is not well. */
  async function givesUp(server, clients, from) {
    const { code, signal } = await within(20_000, server.exited, "the end");
    assert.deepEqual({ code, signal }, { code: 70, signal: null }, server.stderr);
    for (const client of clients) {
      await client.ended();
      const [goodbye, ...more] = client.of("goodbye");
      assert.equal(goodbye?.reconnect, true, JSON.stringify(client.messages));
      assert.deepEqual(more, []);
    }
    assert.equal(lines(server, "node: a part gave up", `part=${from}`, "debug").length, 1, server.stderr);
    assert.doesNotMatch(server.stderr, /AddressSanitizer|runtime error/);
    const last = server.stderr.trimEnd().split("\n").at(-1);
    assert.match(last, /error node: stopped, as too much crashed/);
  }

  test("sessions by the dozen end the node in order", async (t) => {
    const server = await start(t, { config: two() });
    // Of many addresses: those of one would count as one client that breaks its own sessions.
    const clients = await Promise.all(Array.from({ length: 60 }, (_, i) => connect(server, { t, localAddress: `127.0.0.${2 + i}` })));
    await breaks(server, "crash=connection");
    await givesUp(server, clients, "connections");
    assert.equal(lines(server, "connections: ", "session=", "debug").length, 60, "each once");
  });

  test("whoever breaks its own sessions is refused for a while, and nobody else", async (t) => {
    const server = await start(t, { config: two() });
    const others = { t, localAddress: "127.0.0.2" };
    const bob = await connect(server, others);
    let [crashes, refusals] = [0, 0];
    for (let round = 0; round < 60; round++) {
      // Many at once: what breaks while it is refused already is held against nobody.
      const tries = await Promise.allSettled(Array.from({ length: round < 5 ? 20 : 1 }, () => connect(server, { t })));
      for (const { status, reason } of tries) {
        if (status === "fulfilled") continue;
        assert.equal(reason.status, 503, reason.message);
        assert.ok(Number(reason.headers["retry-after"]) >= 1);
        refusals += 1;
      }
      for (const { value: client } of tries.filter(({ status }) => status === "fulfilled")) {
        await breaks(server, `crash=connection&whom=${client.welcome.session}`);
        assert.equal((await client.ended()).code, 1011);
        crashes += 1;
      }
    }
    assert.ok(crashes >= 20 && refusals > 0, `${crashes} crashes, ${refusals} refusals`);
    await bob.must({ op: "publish", room: "chat.1", type: "t", data: 1 });
    await connect(server, others);
    assert.equal(await server.metric("hubbub_culprits_refused_total"), refusals);
    assert.equal(await server.metric("hubbub_connection_crashes_total"), crashes);
    const [, connections] = (await tree(server)).children;
    assert.equal(connections.status, "running");
    assert.equal(lines(server, "connections: ", "by=\"address 127.0.0.1\"").length, crashes);
    assert.ok(lines(server, "admission: ", "address 127.0.0.1").length > 0, server.stderr);
    await eventually(() => connect(server, { t }).then(() => true, () => false), "it may come again");
    await server.mustBeWell();
  });

  test("rooms by the dozen end the node in order", async (t) => {
    const server = await start(t, { config: two(), dataDir: true });
    const reader = await connect(server, { t });
    const names = Array.from({ length: 60 }, (_, n) => `storm.${n}`);
    for (const room of names) await reader.must({ op: "join", room });
    await breaks(server, "crash=room&whom=storm.");
    await givesUp(server, [reader], "rooms");
  });

  test("a loop ends the node, and those of the others hear it", async (t) => {
    const server = await start(t, { config: two() });
    const clients = await Promise.all(Array.from({ length: 20 }, () => connect(server, { t })));
    await breaks(server, "crash=loop&loop=1");
    const { code, signal } = await within(20_000, server.exited, "the end");
    assert.deepEqual({ code, signal }, { code: 70, signal: null }, server.stderr);
    assert.equal(lines(server, "node: ", 'part="loop 1"', "debug").length, 1, server.stderr);
    for (const client of clients) await client.ended();
    assert.ok(clients.some((client) => client.of("goodbye").length === 1), "those of loop 0");
  });
});
