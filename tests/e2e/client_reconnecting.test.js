// How a client comes to its connection: what it shows, how long it waits, and when it gives one up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mintToken } from "../faults/tokens.mjs";
import { keyFile, mint, start, temporaryDirectory, within } from "../integration/support/server.mjs";
import { client, happens, reconnected, recorded, scripted, shown } from "./clients.js";
import { eventually } from "./server.js";

/** A server that wants tokens, and one of ann's. */
async function strict(t) {
  const key = keyFile(temporaryDirectory(t));
  const sections = [`[auth]\nhs256_key_file = "${key}"`, '[admin]\nkeys = ["a-secret-of-the-operators"]', "[namespace.chat]"];
  const server = await start(t, { config: `${sections.join("\n")}\n` });
  const revoke = (order) => server.ask("/v1/revoke", {
    method: "POST", headers: { authorization: "Bearer a-secret-of-the-operators" }, body: JSON.stringify(order),
  });
  return { server, revoke, token: await mint(key) };
}

/** The states that `hub` comes to, with the code of the reason of each. */
function states(hub) {
  const all = [];
  hub.on("state", (state) => all.push(`${state} ${hub.reason?.code ?? null}`));
  return all;
}

/** A token whose time was over before it was made, and one of a stranger. */
const over = mintToken("k".repeat(48), "ann", undefined, -60);
const foreign = mintToken("x".repeat(48), "ann");

test("the ticket is shown in the handshake after each cut", async (t) => {
  const { server, token } = await strict(t);
  const { sockets, Recorded } = recorded();
  const hub = client(t, server.url, { WebSocket: Recorded, token });
  const room = hub.join("chat.reconnecting-1");
  await happens(room, "joined");
  for (let i = 0; i < 4; i += 1) {
    await reconnected(hub, () => sockets.at(-1).terminate());
    await eventually(() => room.joined);
  }
  assert.deepEqual(sockets.map(shown), ["bearer", "ticket", "ticket", "ticket", "ticket"]);
});

test("who is put off shows the ticket in the handshake again", async (t) => {
  const server = await start(t, { config: "[limits]\nhandshakes_per_second = 1\n", dev: true });
  const { sockets, Recorded } = recorded({ origin: server.url }); // as a browser, which is told in a goodbye
  const hub = client(t, server.url, { WebSocket: Recorded });
  await happens(hub, "state");
  const reasons = [];
  hub.on("state", (state) => { if (state === "waiting") reasons.push(hub.reason?.code ?? null); });
  await within(10_000, reconnected(hub, () => sockets[0].terminate()), "online");
  assert.equal(reasons[0], null); // the cut
  assert.equal(reasons[1], 4102);
  assert.ok(sockets.length >= 3);
  assert.deepEqual([...new Set(sockets.slice(1).map(shown))], ["ticket"]);
});

test("after a handshake that failed without a word the ticket is shown in a frame, and then in a handshake", async (t) => {
  const fake = await scripted(t, ({ socket, number }) => {
    if (number === 1) socket.close(1001);
    else if (number < 4) socket.terminate();
  }, { welcomes: (number) => number === 1 || number === 4, welcome: { ticket: "t" } });
  const { sockets, Recorded } = recorded();
  const hub = client(t, fake.url, { WebSocket: Recorded });
  await eventually(() => fake.opened.length === 4 && hub.state === "online");
  assert.deepEqual(sockets.map(shown), ["", "ticket", "", "ticket"]);
});

test("a client that is closed while it waits for its token stays closed", async (t) => {
  let fail;
  const hub = client(t, "http://127.0.0.1:9", { token: () => new Promise((_, reject) => { fail = reject; }) });
  await eventually(() => fail);
  hub.close();
  fail(new Error("too late"));
  await new Promise(setImmediate);
  assert.equal(hub.state, "closed");
  assert.equal(hub.reason.message, "closed by this client");
});

for (const [what, given, code] of [["is not of this server", foreign, "unauthorized"], ["is over", over, "expired"]])
  test(`a client whose one token ${what} ends, and says why`, async (t) => {
    const { server } = await strict(t);
    const { sockets, Recorded } = recorded();
    const hub = client(t, server.url, { WebSocket: Recorded, token: given });
    const all = states(hub);
    const waits = hub.publish("chat.reconnecting-3", "message", 1);
    await assert.rejects(within(10_000, waits, "it ends"), { code, outcome: "not_stored" });
    assert.deepEqual(all, ["waiting null", "connecting null", `closed ${code}`]);
    assert.deepEqual(sockets.map(shown), ["bearer", ""]);
    assert.deepEqual(sockets[1].ops, ["auth"]);
  });

test("a client whose one token was revoked ends, and says why, also when it is made anew", async (t) => {
  const { server, revoke, token } = await strict(t);
  const first = client(t, server.url, { token });
  await eventually(() => first.state === "online");
  assert.equal((await revoke({ user: "ann" })).status, 200);
  await eventually(() => first.state === "closed");
  const second = client(t, server.url, { token });
  await eventually(() => second.state === "closed");
  assert.equal(second.reason.code, "unauthorized");
  assert.match(second.reason.message, /revoked/);
});

test("a function is asked for another token until one counts, and says why the others did not", async (t) => {
  const { server, token } = await strict(t);
  const { sockets, Recorded } = recorded();
  const given = [foreign, over, foreign, token];
  const hub = client(t, server.url, { WebSocket: Recorded, token: () => given.shift() });
  const all = states(hub);
  const room = hub.join("chat.reconnecting-4");
  await happens(room, "joined");
  assert.equal(hub.welcome.user, "ann");
  const waits = all.filter((state) => state.startsWith("waiting"));
  assert.deepEqual(waits, ["waiting null", "waiting expired", "waiting unauthorized"]);
  assert.equal(all.at(-1), "online null");
  await reconnected(hub, () => sockets.at(-1).terminate());
  await eventually(() => room.joined);
  assert.deepEqual(sockets.map(shown), ["bearer", "", "", "", "ticket"]);
  assert.deepEqual(sockets.map((socket) => socket.ops[0]), [undefined, "auth", "auth", "auth", "resume"]);
});

test("where anybody is welcome, a client with a token is not online as nobody", async (t) => {
  const key = keyFile(temporaryDirectory(t));
  const server = await start(t, { config: `[auth]\nhs256_key_file = "${key}"\n`, dev: true });
  const { sockets, Recorded } = recorded();
  const given = [foreign, over, await mint(key)];
  const hub = client(t, server.url, { WebSocket: Recorded, token: () => given.shift() });
  const users = [];
  hub.on("state", (state) => { if (state === "online") users.push(hub.welcome.user); });
  await eventually(() => hub.state === "online");
  assert.deepEqual(users, ["ann"]);
  await reconnected(hub, () => sockets.at(-1).terminate());
  assert.deepEqual(users, ["ann", "ann"]); // the ticket is ann's, too
});

test("after a handshake that failed without a word the token is shown in a frame, and then in a handshake", async (t) => {
  const fake = await scripted(t, ({ socket, say, number }) => {
    if (number !== 2) return number === 1 ? socket.terminate() : undefined;
    socket.on("message", (text) => {
      say({ op: "welcome", session: "s", ping_ms: 1000 });
      say({ op: "ok", id: JSON.parse(text).id, user: "ann", ticket: null });
    });
  }, { welcomes: (number) => number > 2 });
  const { sockets, Recorded } = recorded();
  const hub = client(t, fake.url, { WebSocket: Recorded, token: "a.b.c" });
  await eventually(() => hub.state === "online");
  await reconnected(hub, () => sockets[1].terminate());
  assert.deepEqual(sockets.map(shown), ["bearer", "", "bearer"]);
  assert.deepEqual(sockets[1].ops, ["auth"]);
});

test("a token may end with a line break", async (t) => {
  const { server, token } = await strict(t);
  const hub = client(t, server.url, { token: () => `${token}\n` });
  await eventually(() => hub.state === "online");
  assert.equal(hub.welcome.user, "ann");
});

test("a token that cannot be shown is an attempt that failed, and so is one that never comes", async (t) => {
  const { server, token } = await strict(t);
  const given = ["no token at all", new Promise(() => {}), token];
  const reasons = [];
  const hub = client(t, server.url, { openWithinMs: 1500, token: () => given.shift() });
  hub.on("state", (state) => { if (state === "waiting") reasons.push(hub.reason); });
  await eventually(() => hub.state === "online");
  assert.equal(reasons.length, 2);
  assert.equal(reasons[0].name, "SyntaxError");
  assert.equal(reasons[1].code, "timeout");
  assert.equal(hub.reason, null);
});

test("a token that comes too late opens no second connection", async (t) => {
  const { server, token } = await strict(t);
  const { sockets, Recorded } = recorded();
  let late;
  const given = [new Promise((resolve) => { late = resolve; }), token];
  const hub = client(t, server.url, { WebSocket: Recorded, openWithinMs: 1500, token: () => given.shift() });
  await eventually(() => hub.state === "online");
  late(token);
  await new Promise(setImmediate);
  assert.equal(sockets.length, 1);
});

test("no attempt is made before the server wants one, whatever the network says", async (t) => {
  const server = await start(t);
  const { sockets, Recorded } = recorded();
  const network = new EventTarget(); // as a browser's window
  for (const name of ["addEventListener", "removeEventListener"]) globalThis[name] = network[name].bind(network);
  t.after(() => { for (const name of ["addEventListener", "removeEventListener"]) delete globalThis[name]; });
  const hub = client(t, server.url, { WebSocket: Recorded });
  await happens(hub, "state");
  const waiting = happens(hub, "state");
  const from = Date.now();
  const body = JSON.stringify({ session: hub.welcome.session, reconnect: true });
  assert.equal((await server.ask("/v1/disconnect", { method: "POST", body })).status, 200);
  assert.equal(await waiting, "waiting");
  const { retry_after_ms: wanted } = hub.reason;
  assert.ok(wanted > 0);
  network.dispatchEvent(new Event("online"));
  hub.retry();
  assert.equal(hub.state, "waiting");
  assert.equal(sockets.length, 1);
  assert.ok(hub.retryAt >= from + wanted);
  await eventually(() => hub.state === "online");
  assert.ok(Date.now() >= from + wanted - 10);
});

test("a refusal's delay is kept when the token is refused on a connection", async (t) => {
  const fake = await scripted(t, ({ socket, say, number }) => {
    if (number === 1) return socket.close(1001);
    if (number === 2) return socket.terminate();
    socket.on("message", (text) => {
      const { op, id } = JSON.parse(text);
      say(op === "resume" ? { op: "error", id, code: "expired", message: "over" }
        : { op: "error", id, code: "unavailable", message: "later", retry_after_ms: 700 });
    });
  }, { welcomes: (number) => number === 1 || number > 3, welcome: { ticket: "t" } });
  const hub = client(t, fake.url, { token: "a.b.c" });
  await eventually(() => fake.opened.length === 4);
  assert.ok(fake.opened[3] - fake.opened[2] >= 690);
  await eventually(() => hub.state === "online");
});

test("a server that never pinged and answers no longer is left", async (t) => {
  const server = await start(t, { config: '[limits]\nping = "100ms"\n', dev: true });
  const { sockets, Recorded } = recorded({ hears: (frame) => frame.op !== "ping" });
  const hub = client(t, server.url, { WebSocket: Recorded });
  await hub.publish("chat.reconnecting-2", "message", 1);
  server.signal("SIGSTOP");
  hub.publish("chat.reconnecting-2", "message", 2).catch(() => {});
  const speaking = setInterval(() => hub.publish("chat.reconnecting-2", "message", 3).catch(() => {}), 500);
  t.after(() => clearInterval(speaking));
  await eventually(() => hub.state !== "online", "it is left", 15_000); // two pings and five seconds
  assert.ok(sockets[0].readyState > 1);
  clearInterval(speaking);
});
