// What a client asks that a server would not read, and what is too large: it is refused, and nothing else suffers.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { within } from "../integration/support/server.mjs";
import { client, happens, reconnected, recorded, scripted } from "./clients.js";
import { eventually, startServer } from "./server.js";

let server;
before(async () => {
  server = await startServer();
});
after(() => server?.kill());

const refused = (promise, code) => within(10_000, assert.rejects(promise, { name: "HubbubError", code }), `refused as ${code}`);
const nested = (depth) => JSON.parse("[".repeat(depth) + "]".repeat(depth));
const half = "\ud83d"; // of an emoji that was cut

async function online(t, options) {
  const hub = client(t, server.url, options);
  await happens(hub, "state");
  return hub;
}

/** Joined, and seen by another. */
async function watched(t, name, info) {
  const { sockets, Recorded } = recorded();
  const [hub, other] = [await online(t, { WebSocket: Recorded }), await online(t)];
  const room = hub.join(name, { info });
  await happens(room, "joined");
  const watcher = other.join(name, { presence: true });
  await happens(watcher, "joined");
  const seen = () => [...watcher.members.values()].map((m) => m.info).find(Boolean);
  return { hub, room, sockets, seen };
}

test("half an emoji is refused at once, as often as it comes, and the rest goes on", async (t) => {
  const hub = await online(t);
  const { session } = hub.welcome;
  const bad = Array.from({ length: 50 }, (_, i) => hub.publish("chat.commands-1", "message", { text: `${i} ${half}` }));
  await Promise.all(bad.map((publish) => refused(publish, "bad_frame")));
  await refused(hub.publish("chat.commands-1", "message", { [half]: 1 }), "bad_frame");
  await refused(hub.publish(`chat.${half}`, "message", 1), "bad_frame");
  await refused(hub.request("call", { method: "orders.create", data: half }), "bad_frame");
  // Whole ones are none of that, nor is a text that only looks like it.
  for (const data of ["\ud83d\ude00", "\\ud83d", "\\\\ud83d", "\\\\\\udead", "\ufffd"])
    assert.ok((await within(10_000, hub.publish("chat.commands-1", "message", data), data)).offset);
  const { events } = await hub.request("history", { room: "chat.commands-1", limit: 10 });
  assert.deepEqual(events.map((e) => e.data), ["\ud83d\ude00", "\\ud83d", "\\\\ud83d", "\\\\\\udead", "\ufffd"]);
  assert.equal(hub.state, "online");
  assert.equal(hub.welcome.session, session);
});

test("values nest 64 deep, and deeper ones are refused", async (t) => {
  const hub = await online(t);
  await within(10_000, hub.publish("chat.commands-2", "message", nested(64)), "64 deep");
  await refused(hub.publish("chat.commands-2", "message", nested(65)), "bad_frame");
  await refused(hub.publish("chat.commands-2", "message", nested(5000)), "bad_frame");
  await within(10_000, hub.publish("chat.commands-2", "message", `]}"\\${"[{".repeat(100)}`), "brackets in a text");
  await within(10_000, hub.publish("chat.commands-2", "message", Array.from({ length: 100 }, () => [{}])), "side by side");
});

test("what is no JSON is refused, and poisons nothing", async (t) => {
  const hub = await online(t);
  const cycle = {};
  cycle.cycle = cycle;
  for (const data of [1n, cycle, { toJSON() { throw new Error("no"); } }])
    await refused(hub.publish("chat.commands-3", "message", data), "bad_frame");
  await refused(hub.request("history", { room: 1n, limit: 1 }), "bad_frame");
  await within(10_000, hub.publish("chat.commands-3", "message", 1), "the next one");
});

test("an event is what it was when it was published", async (t) => {
  const hub = client(t, server.url);
  const data = { n: 1 };
  const published = hub.publish("chat.commands-4", "message", data); // before there is a connection
  data.n = 2;
  await published;
  assert.equal((await hub.request("history", { room: "chat.commands-4", limit: 1 })).events[0].data.n, 1);
});

test("a message beyond the wire limit is refused, and the connection stays", async (t) => {
  const hub = client(t, server.url);
  const early = hub.publish("chat.commands-5", "message", "x".repeat(140_000)); // nobody knows the limit yet
  await refused(early, "too_large");
  const { session } = hub.welcome;
  await refused(hub.publish("chat.commands-5", "message", "é".repeat(70_000)), "too_large"); // bytes count
  await refused(hub.publish("chat.commands-5", "message", "x".repeat(70_000)), "too_large"); // the server says so
  await refused(hub.request("call", { method: "orders.create", data: "x".repeat(140_000) }), "too_large");
  await within(10_000, hub.publish("chat.commands-5", "message", "x".repeat(65_000)), "one that fits");
  assert.equal(hub.welcome.session, session);
  assert.equal(hub.state, "online");
});

test("an info that is refused changes nothing, not even after a cut", async (t) => {
  const { hub, room, sockets, seen } = await watched(t, "chat.commands-6", { name: "Ann" });
  for (const info of [{ name: half }, nested(65), 1n, { name: "x".repeat(1100) }]) {
    const code = info.name?.length > 1024 ? "too_large" : "bad_frame";
    await refused(room.update(info), code);
    await within(10_000, reconnected(hub, () => sockets.at(-1).terminate()), `online after ${code}`);
    await eventually(() => room.joined && seen()?.name === "Ann");
  }
  await room.update({ name: "Anna" });
  await reconnected(hub, () => sockets.at(-1).terminate());
  await eventually(() => room.joined && seen()?.name === "Anna");
});

test("an info that cannot be sent is told by the room, which is joined once it is changed", async (t) => {
  const hub = await online(t);
  for (const [i, info] of [{ name: half }, { name: "x".repeat(1100) }, 1n].entries()) {
    const room = hub.join(`chat.commands-7-${i}`, { info });
    assert.match((await within(10_000, happens(room, "error"), "why")).code, /^(bad_frame|too_large)$/);
    assert.equal(room.joined, false);
    await room.update({ name: "Ann" });
    await eventually(() => room.joined);
  }
});

test("an info that nests too deep for a resume comes back by a join", async (t) => {
  const { hub, room, sockets, seen } = await watched(t, "chat.commands-8", nested(64));
  const plain = hub.join("chat.commands-8-plain");
  await happens(plain, "joined");
  await within(10_000, reconnected(hub, () => sockets[0].terminate()), "online");
  await eventually(() => room.joined && plain.joined);
  assert.deepEqual(sockets[1].ops, ["resume", "join"]);
  assert.deepEqual(seen(), nested(64));
});

test("as many rooms as there may be, with as much to show, come back after a cut", async (t) => {
  const { sockets, Recorded } = recorded();
  const hub = await online(t, { WebSocket: Recorded });
  const errors = [];
  hub.on("error", (error) => errors.push(error.message));
  const rooms = Array.from({ length: hub.welcome.limits.rooms }, (_, i) => {
    const room = hub.join(`chat.commands-9-${i}`, { info: { text: "x".repeat(450) } });
    room.on("error", (error) => errors.push(error.message));
    return room;
  });
  await eventually(() => rooms.every((room) => room.joined));
  await within(10_000, reconnected(hub, () => sockets[0].terminate()), "online");
  await eventually(() => rooms.every((room) => room.joined));
  const [first, ...others] = sockets[1].ops;
  assert.equal(first, "resume");
  assert.ok(others.length > 0 && others.length < 128 && others.every((op) => op === "join"), others.join());
  assert.deepEqual(errors, []);
});

test("a refusal that names no command is of the one that has no other answer", async (t) => {
  const fake = await scripted(t, ({ socket, say }) => {
    const seen = [];
    socket.on("message", (text) => {
      seen.push(JSON.parse(text));
      if (seen.length === 2) say({ op: "error", code: "bad_frame", message: "which?" });
      if (seen.length === 2) say({ op: "ok", id: seen[1].id, event_id: "e", offset: 1, epoch: "e", duplicate: false });
      if (seen.length === 3) say({ op: "error", code: "bad_frame", message: "this one" });
    });
  });
  const hub = client(t, fake.url);
  const told = happens(hub, "error");
  const [first, second] = [hub.publish("chat.a", "message", 1), hub.publish("chat.a", "message", 2)];
  assert.equal((await second).offset, 1);
  await refused(first, "bad_frame");
  assert.equal((await within(10_000, told, "it is told at once, too")).message, "which?");
  await refused(hub.publish("chat.a", "message", 3), "bad_frame");
});
