import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { client, happens, recorded, scripted } from "./clients.js";
import { eventually, freePort, publish, startServer, temporaryDirectory } from "./server.js";

let server;
before(async () => {
  server = await startServer();
});
after(() => server?.kill());

test("what one publishes the other gets, once and in order", async (t) => {
  const [ann, bob] = [client(t, server.url), client(t, server.url)];
  const heard = [];
  const room = bob.join("chat.client-1", { history: 10, presence: true });
  room.on("event", (e) => heard.push(e.data));
  await happens(room, "joined");
  const positions = await Promise.all(Array.from({ length: 100 }, (_, i) => ann.publish("chat.client-1", "message", i)));
  assert.ok(positions.every((p) => !p.duplicate && p.epoch && p.offset > 0));
  await eventually(() => heard.length === 100);
  assert.deepEqual(heard, Array.from({ length: 100 }, (_, i) => i));
  assert.equal(room.position.offset, positions.at(-1).offset);
});

test("members come, change and go", async (t) => {
  const [ann, bob] = [client(t, server.url), client(t, server.url)];
  const room = ann.join("chat.client-2", { presence: true, info: { name: "Ann" } });
  await happens(room, "joined");
  const names = () => [...room.members.values()].map((m) => m.info?.name).sort().join();
  await eventually(() => names() === "Ann");
  const other = bob.join("chat.client-2", { info: { name: "Bob" } });
  await eventually(() => names() === "Ann,Bob");
  await other.update({ name: "Robert" });
  await eventually(() => names() === "Ann,Robert");
  await other.leave();
  await eventually(() => names() === "Ann");
  assert.equal(room.count, 1);
});

test("a publish that a restart interrupts is confirmed in the end, and is there once", async (t) => {
  const dataDir = await temporaryDirectory(t);
  const port = await freePort();
  let mortal = await startServer({ port, dataDir });
  t.after(() => mortal.kill());
  const hub = client(t, mortal.url);
  const heard = [];
  const room = hub.join("chat.client-3");
  room.on("event", (e) => heard.push(e.data));
  await happens(room, "joined");
  const confirmed = [];
  for (let i = 0; i < 40; i += 1) {
    confirmed.push(room.publish("message", i));
    if (i === 20) await mortal.kill("SIGKILL");
  }
  mortal = await startServer({ port, dataDir });
  await Promise.all(confirmed);
  await eventually(() => heard.length >= 40);
  assert.deepEqual([...heard].sort((a, b) => a - b), Array.from({ length: 40 }, (_, i) => i));
});

test("what was missed follows the join, and nothing comes twice", async (t) => {
  const dataDir = await temporaryDirectory(t);
  const port = await freePort();
  let mortal = await startServer({ port, dataDir });
  t.after(() => mortal.kill());
  const hub = client(t, mortal.url);
  const heard = [];
  const room = hub.join("chat.client-4", { history: 10 });
  room.on("event", (e) => heard.push(e.data));
  await happens(room, "joined");
  await publish(mortal, { room: "chat.client-4", type: "message", data: 1 });
  await eventually(() => heard.length === 1);
  await mortal.kill("SIGKILL");
  mortal = await startServer({ dataDir }); // on another port
  await publish(mortal, [2, 3].map((data) => ({ room: "chat.client-4", type: "message", data })));
  await mortal.kill("SIGKILL");
  const joined = happens(room, "joined");
  mortal = await startServer({ port, dataDir });
  assert.equal((await joined).recovered, true);
  await publish(mortal, { room: "chat.client-4", type: "message", data: 4 });
  await eventually(() => heard.length >= 4);
  assert.deepEqual(heard, [1, 2, 3, 4]);
});

test("a session goes on after a cut: one frame for all rooms, and no token is asked for", async (t) => {
  const { sockets, Recorded } = recorded();
  let asked = 0;
  const hub = client(t, server.url, { WebSocket: Recorded, token: () => { asked += 1; return undefined; } });
  const heard = [];
  const rooms = ["chat.client-5", "chat.client-6"].map((name) => hub.join(name, { presence: true, info: { name: "Ann" } }));
  for (const room of rooms) room.on("event", (e) => heard.push(e.data));
  await eventually(() => rooms.every((room) => room.joined));
  await publish(server, { room: rooms[0].name, type: "message", data: "before" });
  await eventually(() => heard.length === 1);
  const { session } = hub.welcome;
  const outcomes = [];
  for (const room of rooms) room.on("joined", (outcome) => outcomes.push(outcome));
  const waiting = happens(hub, "state");
  sockets[0].terminate();
  assert.equal(await waiting, "waiting");
  await publish(server, rooms.map(({ name }) => ({ room: name, type: "message", data: name })));
  await eventually(() => outcomes.length === 2);
  for (const outcome of outcomes) assert.equal(outcome.recovered, true);
  await eventually(() => heard.length === 3);
  assert.deepEqual(heard.slice(1).sort(), rooms.map((room) => room.name));
  assert.equal(hub.welcome.session, session);
  assert.deepEqual(sockets.map((socket) => socket.ops.join()), ["join,join", "resume"]);
  assert.ok(sockets[1].offered[1].startsWith("ticket."));
  assert.equal(asked, 1);
  await eventually(() => rooms.every((room) => [...room.members.values()].some((m) => m.info?.name === "Ann")));
  await rooms[0].publish("message", "after");
  await eventually(() => heard.includes("after"));
});

test("a ticket that is refused is told in the first frame, and the client goes on without", async (t) => {
  const port = await freePort();
  const dataDir = await temporaryDirectory(t);
  let mortal = await startServer({ port, dataDir });
  t.after(() => mortal.kill());
  const { sockets, Recorded } = recorded();
  const hub = client(t, mortal.url, { WebSocket: Recorded });
  const heard = [];
  const room = hub.join("chat.client-7");
  room.on("event", (e) => heard.push(e.data));
  await happens(room, "joined");
  await publish(mortal, { room: room.name, type: "message", data: 1 });
  await eventually(() => heard.length === 1);
  await mortal.kill("SIGKILL");
  const outcomes = [];
  room.on("joined", (outcome) => outcomes.push(outcome));
  mortal = await startServer({ port, dataDir }); // with another key
  await eventually(() => outcomes.length === 1);
  assert.equal(outcomes[0].recovered, true);
  await publish(mortal, { room: room.name, type: "message", data: 2 });
  await eventually(() => heard.length === 2);
  const offered = sockets.map((socket) => socket.offered.slice(1).map((item) => item.split(".")[0]).join());
  assert.ok(offered.includes("ticket"), offered.join(" "));
  assert.equal(offered.at(-1), "");
  // The next ticket counts.
  const { session } = hub.welcome;
  const waiting = happens(hub, "state");
  sockets.at(-1).terminate();
  await waiting;
  await eventually(() => hub.state === "online");
  assert.equal(hub.welcome.session, session);
});

test("a refusal is an error with the protocol's code", async (t) => {
  const hub = client(t, server.url);
  await happens(hub, "state");
  await assert.rejects(hub.publish("nodots", "message", 1), { code: "bad_room" });
  const room = hub.join("nodots");
  assert.equal((await happens(room, "error")).code, "bad_room");
});

test("a goodbye's delay is kept", async (t) => {
  const fake = await scripted(t, ({ socket, say, number }) => {
    if (number > 1) return;
    say({ op: "goodbye", code: 4101, reason: "draining", reconnect: true, retry_after_ms: 700 });
    socket.close(4101);
  });
  const hub = client(t, fake.url);
  await eventually(() => fake.opened.length === 2);
  assert.ok(fake.opened[1] - fake.opened[0] >= 690);
  await eventually(() => hub.state === "online");
});

test("who is not welcome does not come back", async (t) => {
  const fake = await scripted(t, ({ socket }) => socket.close(4003, "forbidden"));
  const hub = client(t, fake.url);
  await eventually(() => hub.state === "closed");
  assert.equal(hub.reason.message, "forbidden");
  await assert.rejects(hub.publish("chat.a", "message", 1), { code: "closed" });
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(fake.opened.length, 1);
});

test("a publish is repeated with its id after a refusal that passes, and not after one that stays", async (t) => {
  const seen = [];
  const fake = await scripted(t, ({ socket, say }) => socket.on("message", (text) => {
    const { id, event_id, data } = JSON.parse(text);
    seen.push(event_id);
    if (data === "bad") return say({ op: "error", id, code: "forbidden", message: "no" });
    if (seen.length === 1) return say({ op: "error", id, code: "overloaded", message: "later", retry_after_ms: 30 });
    return say({ op: "ok", id, event_id, offset: 1, epoch: "e", duplicate: false });
  }));
  const hub = client(t, fake.url);
  assert.equal((await hub.publish("chat.a", "message", "good")).offset, 1);
  assert.equal(seen.length, 2);
  assert.equal(seen[0], seen[1]);
  await assert.rejects(hub.publish("chat.a", "message", "bad"), { code: "forbidden" });
  assert.equal(seen.length, 3);
});

test("frames in one message are taken in their order", async (t) => {
  const fake = await scripted(t, ({ socket, say }) => socket.on("message", (text) => {
    const { op, id, room } = JSON.parse(text);
    if (op !== "join") return;
    say([
      { op: "ok", id, room, epoch: "e", offset: 7, head: 8, members: [], count: 0 },
      { op: "event", room, type: "message", data: "seven", offset: 7, event_id: "7" },
      { op: "event", room, type: "message", data: "eight", offset: 8, event_id: "8" },
      { op: "presence", room, version: 2, count: 1, join: [{ user: "u", connections: 1 }] },
      { op: "presence", room, version: 3, count: 1200 },
    ]);
  }));
  const hub = client(t, fake.url);
  const room = hub.join("chat.a", { presence: true });
  const heard = [];
  room.on("event", (e) => heard.push(e.data));
  await eventually(() => room.count === 1200);
  assert.deepEqual(heard, ["eight"]); // 7 was had
  assert.equal(room.members, null); // only the count is told
});

test("a room that could not be resumed is joined anew, and a refusal that stays is told once", async (t) => {
  const said = [];
  const fake = await scripted(t, ({ socket, say, number }) => {
    say({ op: "ticket", ticket: "t" });
    socket.on("message", (text) => {
      const { op, id, room, rooms } = JSON.parse(text);
      said.push(`${number} ${op} ${room ?? Object.keys(rooms).sort()}`);
      if (op === "resume")
        return say({ op: "ok", id, rooms: { "chat.a": { error: "already_joined" }, "chat.b": { error: "forbidden" } } });
      if (number === 2 && room === "chat.b") return say({ op: "error", id, code: "forbidden", message: "no grant" });
      say({ op: "ok", id, room, epoch: "e", offset: 7, head: 7, recovered: number === 2 });
      if (number === 1 && room === "chat.b") socket.terminate();
    });
  });
  const hub = client(t, fake.url);
  const rooms = ["chat.a", "chat.b"].map((name) => hub.join(name));
  const errors = [];
  for (const room of rooms) room.on("error", (error) => errors.push(`${room.name} ${error.message}`));
  await eventually(() => errors.length === 1 && rooms[0].joined && hub.state === "online" && fake.opened.length === 2);
  assert.deepEqual(errors, ["chat.b no grant"]);
  assert.equal(rooms[1].joined, false);
  assert.deepEqual(said.slice(2), ["2 resume chat.a,chat.b", "2 join chat.a", "2 join chat.b"]);
});

test("a server that falls silent after its pings is left", async (t) => {
  const fake = await scripted(t, ({ say }) => say({ op: "ping" }), { welcome: { ping_ms: 10 } });
  client(t, fake.url);
  await eventually(() => fake.opened.length === 2, "reconnects", 15_000);
  assert.ok(fake.opened[1] - fake.opened[0] >= 5000);
});
