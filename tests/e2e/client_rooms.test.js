// Rooms that are left, joined and changed while something is under way.

import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { keyFile, start, temporaryDirectory, within } from "../integration/support/server.mjs";
import { client, happens, reconnected, recorded } from "./clients.js";
import { eventually, freePort, publish, startServer } from "./server.js";

let server;
before(async () => {
  server = await startServer();
});
after(() => server?.kill());

const says = (room, data) => publish(server, { room, type: "message", data });

/** Does `what` as soon as the client has sent its first `op`. */
function behind(op, what) {
  let done = false;
  return recorded({
    sends: (frame) => {
      if (frame.op !== op || done) return;
      done = true;
      queueMicrotask(what);
    },
  });
}

function watch(room) {
  const heard = [];
  room.on("event", (e) => heard.push(e.data));
  return heard;
}

test("a room may be left and joined anew while the session resumes", async (t) => {
  const name = "chat.rooms-1";
  let anew;
  const { sockets, Recorded } = behind("resume", () => {
    room.leave();
    anew = hub.join(name);
  });
  const hub = client(t, server.url, { WebSocket: Recorded });
  const other = hub.join("chat.rooms-1-other");
  const room = hub.join(name);
  const old = watch(room);
  await eventually(() => room.joined && other.joined);
  await within(10_000, reconnected(hub, () => sockets[0].terminate()), "online");
  await eventually(() => anew.joined && other.joined);
  const heard = watch(anew);
  await says(name, 1);
  await eventually(() => heard.length === 1);
  assert.deepEqual(old, []);
  assert.equal(room.joined, false);
  assert.deepEqual(sockets[1].ops, ["resume", "leave", "join"]);
});

test("a room that is left while the session resumes tells no more", async (t) => {
  const name = "chat.rooms-2";
  const { sockets, Recorded } = behind("resume", () => room.leave());
  const hub = client(t, server.url, { WebSocket: Recorded });
  const room = hub.join(name);
  await happens(room, "joined");
  const heard = watch(room);
  await within(10_000, reconnected(hub, () => sockets[0].terminate()), "online");
  await eventually(async () => (await hub.request("presence", { room: name })).count === 0);
  await says(name, 1);
  await hub.publish(name, "message", 2);
  assert.deepEqual(heard, []);
});

test("a room that is left and joined at once tells its history once", async (t) => {
  const name = "chat.rooms-3";
  const { sockets, Recorded } = recorded({ sends: (frame) => frame.op !== "leave" });
  const hub = client(t, server.url, { WebSocket: Recorded });
  const room = hub.join(name, { history: 10 });
  const old = watch(room);
  await happens(room, "joined");
  await says(name, 1);
  await eventually(() => old.length === 1);
  let came = 0;
  const left = room.leave();
  const anew = hub.join(name, { history: 10 });
  const heard = watch(anew);
  sockets[0].on("message", () => { came += 1; });
  await says(name, 2); // the server knows of no leave yet
  await eventually(() => came === 1);
  sockets[0].release();
  await left;
  await eventually(() => anew.joined);
  await says(name, 3);
  await eventually(() => heard.includes(3));
  assert.deepEqual(heard, [1, 2, 3]);
  assert.deepEqual(old, [1]);
});

test("leaving succeeds when the connection goes with it, and where one is not in the room", async (t) => {
  const { sockets, Recorded } = recorded({
    sends: (frame, socket) => { if (frame.op === "leave" && frame.room === "chat.rooms-4") queueMicrotask(() => socket.terminate()); },
  });
  const hub = client(t, server.url, { WebSocket: Recorded });
  const room = hub.join("chat.rooms-4");
  await happens(room, "joined");
  await within(10_000, room.leave(), "left");
  await eventually(() => hub.state === "online" && sockets.length === 2);
  assert.equal(hub.join("chat.rooms-4") === room, false);
  const never = hub.join("nodots");
  await never.leave();
  const refused = hub.join("nodots2");
  await happens(refused, "error");
  await refused.leave();
  await room.leave(); // once more: it is another's name by now
  await eventually(() => hub.join("chat.rooms-4").joined);
});

for (const [way, op] of [["joined", "join"], ["resumed", "resume"]]) {
  test(`what a room shows may change while it is being ${way}`, async (t) => {
    const name = `chat.rooms-5-${op}`;
    const watcher = client(t, server.url).join(name, { presence: true });
    await happens(watcher, "joined");
    const seen = () => [...watcher.members.values()].map((m) => m.info?.name).filter(Boolean).join();
    let updated;
    const { sockets, Recorded } = behind(op, () => { updated = room.update({ name: "Anna" }); });
    const hub = client(t, server.url, { WebSocket: Recorded });
    const room = hub.join(name, { info: { name: "Ann" } });
    await happens(room, "joined");
    if (op === "resume") {
      assert.equal(updated, undefined);
      await eventually(() => seen() === "Ann");
      await reconnected(hub, () => sockets[0].terminate());
    }
    await updated;
    await eventually(() => seen() === "Anna");
    // And stays so.
    await reconnected(hub, () => sockets.at(-1).terminate());
    await eventually(() => room.joined && seen() === "Anna");
  });
}

test("a listener may join rooms, and close the client", async (t) => {
  const hub = client(t, server.url);
  const errors = [];
  const end = hub.on("state", () => {
    end();
    hub.join("chat.rooms-6").on("error", (error) => errors.push(error.message));
  });
  await eventually(() => hub.state === "online" && hub.join("chat.rooms-6").joined);
  await hub.publish("chat.rooms-6", "message", 1);
  assert.deepEqual(errors, []);
  const { sockets, Recorded } = recorded();
  const second = client(t, server.url, { WebSocket: Recorded });
  const room = second.join("chat.rooms-6");
  await happens(room, "joined");
  room.on("joined", () => second.close());
  sockets[0].terminate();
  await eventually(() => second.state === "closed");
  await eventually(() => sockets[1].readyState === 3);
  assert.equal(second.state, "closed");
});

for (const [op, ticketKeys] of [["join", false], ["resume", true]])
  test(`after a backup was restored a ${op} tells that the log was set back, and nothing new is lost`, async (t) => {
    const directory = temporaryDirectory(t);
    const config = ticketKeys ? `[auth]\nticket_keys = ["${keyFile(directory, "ticket.key", "t")}"]\n` : "";
    const [dataDir, backup] = [`${directory}/data`, `${directory}/backup`];
    const listen = `127.0.0.1:${await freePort()}`;
    const again = () => start(t, { config, dev: true, dataDir, listen });
    const tell = async (node, ...all) => {
      for (const data of all) await node.publish({ room: "chat.rooms-7", type: "message", data });
    };
    let node = await again();
    await tell(node, 1, 2, 3);
    await node.kill("SIGTERM");
    cpSync(dataDir, backup, { recursive: true });

    node = await again();
    const { sockets, Recorded } = recorded();
    const hub = client(t, node.url, { WebSocket: Recorded });
    const room = hub.join("chat.rooms-7");
    const [heard, told, gaps] = [watch(room), [], []];
    room.on("joined", (joined) => told.push(joined));
    room.on("gap", (gap) => gaps.push(gap));
    await eventually(() => room.joined);
    await tell(node, 4, 5, 6, 7);
    await eventually(() => heard.length === 4);
    const before = room.position;
    await node.kill();
    rmSync(dataDir, { recursive: true });
    cpSync(backup, dataDir, { recursive: true });

    node = await again();
    await eventually(() => told.length === 2);
    await tell(node, "new 4", "new 5");
    await eventually(() => heard.includes("new 5"));
    assert.equal(sockets.at(-1).ops.at(-1), op);
    assert.deepEqual(heard, [4, 5, 6, 7, 1, 2, 3, "new 4", "new 5"]);
    const { recovered, renewed, offset } = told[1];
    assert.deepEqual({ recovered, renewed, offset }, { recovered: false, renewed: true, offset: 0 });
    assert.deepEqual(gaps, [{ from: before.offset, to: 1, renewed: true }]);
    assert.deepEqual(room.position, { epoch: before.epoch, offset: 5 }); // the same epoch: only the offset tells
    // And it goes on from there as ever.
    await reconnected(hub, () => sockets.at(-1).terminate());
    await eventually(() => told.length === 3);
    await tell(node, "new 6");
    await eventually(() => heard.at(-1) === "new 6");
    assert.equal(heard.length, 10);
    assert.deepEqual([told[2].recovered, told[2].renewed], [true, false]);
  });
