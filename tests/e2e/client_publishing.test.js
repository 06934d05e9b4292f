// Publishes whose answer is lost: where a copy would be recognised they are sent again, and nowhere else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { start, within } from "../integration/support/server.mjs";
import { client, happens, reconnected, recorded } from "./clients.js";
import { eventually } from "./server.js";

/** A WebSocket class that is cut off when the answer to its `n`th publish comes. */
function losing(n) {
  let confirmed = 0;
  return recorded({
    hears: (frame, socket) => {
      if (frame.op !== "ok" || !frame.event_id || (confirmed += 1) !== n) return true;
      socket.terminate();
      return false;
    },
  });
}

/** What `room` tells somebody else. */
async function listener(t, server, name) {
  const room = client(t, server.url).join(name);
  const heard = [];
  room.on("event", (e) => heard.push(e.data));
  await happens(room, "joined");
  return heard;
}

const config = '[limits]\ncommands_in_flight = 2\n[namespace.short]\ndedup_window = "1s"\n';

test("a publish whose answer is lost is sent again, and is there once", async (t) => {
  const server = await start(t);
  const heard = await listener(t, server, "chat.publishing-1");
  const { sockets, Recorded } = losing(1);
  const hub = client(t, server.url, { WebSocket: Recorded });
  assert.equal((await within(10_000, hub.publish("chat.publishing-1", "message", 1), "confirmed")).duplicate, true);
  await hub.publish("chat.publishing-1", "message", 2);
  await eventually(() => heard.includes(2));
  assert.deepEqual(heard, [1, 2]);
  assert.deepEqual(sockets.map((s) => s.ops.join()), ["publish", "publish,publish"]);
});

test("in a live room it is not, and its outcome is said to be unknown", async (t) => {
  const server = await start(t);
  const heard = await listener(t, server, "live.publishing-2");
  const { Recorded } = losing(2);
  const hub = client(t, server.url, { WebSocket: Recorded });
  await hub.publish("live.publishing-2", "message", 1);
  const lost = hub.publish("live.publishing-2", "message", 2, { eventId: "two" });
  await within(10_000, assert.rejects(lost, { code: "offline", outcome: "unknown", eventId: "two" }), "rejected");
  await within(10_000, hub.publish("live.publishing-2", "message", 3), "the next one");
  await eventually(() => heard.includes(3));
  assert.deepEqual(heard, [1, 2, 3]);
});

test("who hears a live room knows that it is one", async (t) => {
  const server = await start(t);
  const { Recorded } = losing(1);
  const hub = client(t, server.url, { WebSocket: Recorded });
  const room = hub.join("live.publishing-3");
  const heard = [];
  room.on("event", (e) => heard.push(e.data));
  await happens(room, "joined");
  await server.publish({ room: room.name, type: "message", data: 1 });
  await eventually(() => heard.length === 1);
  await within(10_000, assert.rejects(room.publish("message", 2), { outcome: "unknown" }), "rejected");
});

test("what waited offline for a live room was never sent, and is sent", async (t) => {
  const server = await start(t);
  const heard = await listener(t, server, "live.publishing-4");
  const { sockets, Recorded } = recorded();
  const hub = client(t, server.url, { WebSocket: Recorded });
  await hub.publish("live.publishing-4", "message", 1);
  let waiting;
  await reconnected(hub, () => {
    sockets[0].terminate();
    const end = hub.on("state", () => {
      end();
      waiting = hub.publish("live.publishing-4", "message", 2);
    });
  });
  await within(10_000, waiting, "confirmed");
  await eventually(() => heard.length === 2);
  assert.deepEqual(heard, [1, 2]);
});

test("beyond the window in which a copy is recognised it is not sent again", async (t) => {
  const server = await start(t, { config, dev: true });
  const heard = await listener(t, server, "short.publishing-5");
  const { sockets, Recorded } = recorded({ hears: (frame) => frame.op !== "ok" || frame.event_id !== "one" });
  const hub = client(t, server.url, { WebSocket: Recorded, repeatWithinMs: 500 });
  const lost = hub.publish("short.publishing-5", "message", 1, { eventId: "one" });
  await eventually(() => heard.length === 1);
  const away = assert.rejects(lost, { code: "offline", outcome: "unknown", eventId: "one" });
  // It may come back after a second.
  const body = JSON.stringify({ session: hub.welcome.session, reconnect: true });
  assert.equal((await server.ask("/v1/disconnect", { method: "POST", body })).status, 200);
  await within(10_000, away, "rejected");
  await within(10_000, hub.publish("short.publishing-5", "message", 2), "the next one");
  await eventually(() => heard.includes(2));
  assert.deepEqual(heard, [1, 2]);
  assert.deepEqual(sockets.map((s) => s.ops.join()), ["publish", "publish"]);
});

test("what may not be repeated at all is rejected with the connection", async (t) => {
  const server = await start(t);
  const { Recorded } = losing(1);
  const hub = client(t, server.url, { WebSocket: Recorded, repeatWithinMs: 0 });
  await within(10_000, assert.rejects(hub.publish("chat.publishing-7", "message", 1), { code: "offline", outcome: "unknown" }), "rejected");
});

test("with retry: false it is sent on this connection or not at all", async (t) => {
  const server = await start(t, { config, dev: true });
  const heard = await listener(t, server, "chat.publishing-6");
  const { Recorded } = losing(1);
  const hub = client(t, server.url, { WebSocket: Recorded });
  await happens(hub, "state");
  const kept = hub.publish("chat.publishing-6", "message", 1);
  // It has to wait: one may be without an answer.
  const given = hub.publish("chat.publishing-6", "typing", 2, { retry: false });
  await within(10_000, assert.rejects(given, { code: "offline", outcome: "not_stored" }), "rejected");
  assert.notEqual(hub.state, "online");
  await within(10_000, kept, "confirmed");
  await hub.publish("chat.publishing-6", "message", 3);
  await eventually(() => heard.includes(3));
  assert.deepEqual(heard, [1, 3]);
});
