// Several nodes and a real nats-server: what is said on one node, or by a backend on NATS, is heard on all.

import assert from "node:assert/strict";
import test, { after, before } from "node:test";

import { headers, StringCodec } from "nats";

import { directory, publishAll, serve } from "./support/broker.mjs";
import { LossyLink } from "./support/lossy.mjs";
import { backend, startNats } from "./support/nats.mjs";
import { eventually, run } from "./support/server.mjs";
import { until } from "./support/wire.mjs";

const text = StringCodec();
const namespaces = { "namespace.chat": { history_size: 10_000 }, "namespace.live": { kind: "live" } };

/** `n` nodes on one nats-server. */
async function cluster(t, n, sections = {}) {
  const nats = await startNats(t);
  const nodes = [];
  for (let i = 1; i <= n; ++i)
    nodes.push(await serve(t, { sections: { ...namespaces, ...sections, nats: { url: nats.url, timeout: "1s" }, server: { node: `n${i}` } } }));
  return { nats, nodes };
}
const data = (wire) => wire.events.map((event) => event.data);
const offsets = (wire) => wire.events.map((event) => event.offset);
const publish = (wire, room, value, more) => ask(wire, { op: "publish", room, type: "message", data: value, ...more });
/** The answer, refused or not. */
const ask = (wire, command) => wire.ask(command).catch((error) => error.answer ?? Promise.reject(error));
const ready = async (node) => (await fetch(new URL("/readyz", node.admin))).status === 200;

/**
 * A node whose link to NATS loses messages, and `n` rooms of it that are quiet, with a client and one event each. The last event
 * of each, which a backend publishes next, is lost on its way there.
 */
async function lastIsLost(t, n) {
  const nats = await startNats(t);
  const link = await LossyLink.to(t, nats);
  const node = await serve(t, { sections: { ...namespaces, nats: { url: link.url }, server: { node: "n1" } } });
  const jetstream = (await backend(t, nats)).jetstream();
  const reader = await node.client();
  const rooms = Array.from({ length: n }, (_, i) => `chat.quiet.${i}`);
  const found = new Map();
  for (const room of rooms) {
    await jetstream.publish(`hubbub.rooms.${room}`, text.encode('"first"'));
    await reader.ask({ op: "join", room });
  }
  reader.onEvent = ({ room, data }) => found.set(room, { data, at: performance.now() });
  link.lose("hubbub.out.", "lost");
  const begun = performance.now();
  for (const room of rooms) await jetstream.publish(`hubbub.rooms.${room}`, text.encode('"lost"'));
  await until(() => link.lost === n, "all are lost");
  const all = () => until(() => found.size === n, () => `${n} lost events; ${found.size} were found`, 60_000);
  return { node, link, rooms, found, begun, all };
}

// Half a minute in which nothing is to be done: it passes beside the other tests.
let quiet;
const ends = [];
before(() => {
  quiet = lastIsLost({ after: (end) => ends.push(end) }, 10).then(async (what) => {
    // One room more, so that the last of them is not compared just when their time is over.
    await (await what.node.client()).ask({ op: "join", room: "chat.more" });
    await what.all();
    return what;
  });
  quiet.catch(() => {});
});
after(async () => {
  await quiet.catch(() => {});
  while (ends.length) await ends.pop()();
});

test("an event that is published on one node is heard on the others, in order", async (t) => {
  const { nodes } = await cluster(t, 3);
  const readers = await Promise.all(nodes.map((node) => node.client()));
  for (const reader of readers) await reader.ask({ op: "join", room: "chat.1" });
  const answers = await publishAll(readers[0], 200, (i) => ({ room: "chat.1", data: i }));
  for (const reader of readers) {
    await reader.gets(200);
    assert.deepEqual(data(reader), Array.from({ length: 200 }, (_, i) => i));
    assert.deepEqual(offsets(reader), answers.map((answer) => answer.offset));
  }
});

test("a backend publishes to a NATS subject, and everybody in the room gets it", async (t) => {
  const { nats, nodes } = await cluster(t, 2);
  const service = await backend(t, nats);
  const readers = await Promise.all(nodes.map((node) => node.client()));
  for (const reader of readers) await reader.ask({ op: "join", room: "chat.orders.7" });

  service.publish("hubbub.rooms.chat.orders.7", text.encode('{"paid":true}'));
  const more = headers();
  more.set("Hubbub-Type", "receipt");
  more.set("Hubbub-Key", "order-7");
  more.set("Nats-Msg-Id", "chat.orders.7/receipt");
  service.publish("hubbub.rooms.chat.orders.7", text.encode('"printed"'), { headers: more });
  service.publish("hubbub.rooms.chat.orders.7", text.encode('"printed"'), { headers: more }); // the same again
  service.publish("hubbub.rooms.chat.orders.7", Uint8Array.from([0xff, 0x00, 0x22, 0x0a]));
  for (const reader of readers) {
    await reader.gets(3);
    const [first, second, third] = reader.events;
    assert.deepEqual(first.data, { paid: true });
    assert.equal(first.type, "message");
    assert.equal(second.type, "receipt");
    assert.equal(second.key, "order-7");
    assert.equal(third.encoding, "base64");
    assert.deepEqual([...Buffer.from(third.data, "base64")], [0xff, 0x00, 0x22, 0x0a]);
  }
});

test("a backend publishes to a live room, too", async (t) => {
  const { nats, nodes } = await cluster(t, 2);
  const service = await backend(t, nats);
  const readers = await Promise.all(nodes.map((node) => node.client()));
  for (const reader of readers) await reader.ask({ op: "join", room: "live.1" });
  // A live room's subscription may be on its way yet, and what comes before it is lost: that is what live means.
  await until(() => {
    service.publish("hubbub.rooms.live.1", text.encode("1"));
    return readers.every((reader) => reader.events.length > 0);
  }, "everybody hears it");
  const [{ data: value, type, offset, event_id: id }] = readers[0].events;
  assert.deepEqual([value, type, offset], [1, "message", undefined]);
  assert.ok(id);
});

test("what is kept can be read with any NATS client", async (t) => {
  const { nats, nodes } = await cluster(t, 1);
  const ann = await nodes[0].client();
  await publish(ann, "chat.1", { text: "hello" }, { event_id: "mine", key: "k" });
  const service = await backend(t, nats);
  const streams = await service.jetstreamManager();
  const kept = await streams.streams.getMessage("HUBBUB_chat", { last_by_subj: "hubbub.rooms.chat.1" });
  assert.deepEqual(JSON.parse(text.decode(kept.data)), { text: "hello" });
  assert.equal(kept.header.get("Hubbub-Id"), "mine");
  assert.equal(kept.header.get("Hubbub-Key"), "k");
});

test("who comes back to another node gets what it missed", async (t) => {
  const { nodes: [first, second] } = await cluster(t, 2);
  const publisher = await first.client();
  const reader = await first.client();
  const { epoch } = await reader.ask({ op: "join", room: "chat.1" });
  await publishAll(publisher, 20, (i) => ({ room: "chat.1", data: i }));
  await reader.gets(20);
  const last = reader.events.at(-1).offset;
  first.forget(reader);
  await publishAll(publisher, 30, (i) => ({ room: "chat.1", data: 20 + i }));

  const back = await second.client();
  const answer = await back.ask({ op: "join", room: "chat.1", since: { epoch, offset: last } });
  assert.equal(answer.recovered, true);
  assert.equal(answer.epoch, epoch);
  await back.gets(30);
  assert.deepEqual(data(back), Array.from({ length: 30 }, (_, i) => 20 + i));

  const history = await back.ask({ op: "history", room: "chat.1", limit: 5 });
  assert.deepEqual(history.events.map((event) => event.data), [45, 46, 47, 48, 49]);
});

test("a repeated publish is recognised, on whichever node it is repeated", async (t) => {
  const { nodes: [first, second] } = await cluster(t, 2);
  const [ann, again] = [await first.client(), await second.client()];
  const one = await publish(ann, "chat.1", 1, { event_id: "once" });
  const two = await publish(again, "chat.1", 1, { event_id: "once" });
  assert.equal(one.duplicate, false);
  assert.equal(two.duplicate, true);
  assert.equal(two.offset, one.offset);
});

test("live rooms are heard on all nodes and kept by none", async (t) => {
  const { nodes: [first, second] } = await cluster(t, 2);
  const ann = await first.client();
  const bob = await second.client();
  await ann.ask({ op: "join", room: "live.1" });
  await bob.ask({ op: "join", room: "live.1" });
  // A live room does not wait until the servers know of its subscription: what comes before that is lost.
  await until(async () => (await publish(ann, "live.1", "there?", { echo: false })) && bob.events.length > 0, "he hears her");
  for (let i = 0; i < 50; ++i) assert.equal((await publish(ann, "live.1", i, { echo: false })).op, "ok");
  await publish(bob, "live.1", "from the other node");
  await until(() => data(bob).includes("from the other node"), "his own");
  const numbers = () => data(bob).filter((value) => typeof value === "number");
  await until(() => numbers().length >= 50, "hers, which may come behind his own");
  assert.deepEqual(numbers(), Array.from({ length: 50 }, (_, i) => i));
  await ann.gets(1);
  assert.deepEqual(data(ann), ["from the other node"]);
  assert.equal((await ask(ann, { op: "history", room: "live.1", limit: 1 })).code, "not_supported");
});

const present = async (wire, room) => (await wire.ask({ op: "presence", room })).count;

test("who is in a room is known on all nodes, and who leaves is gone on all", async (t) => {
  const { nodes: [first, second] } = await cluster(t, 2);
  const ann = await first.client();
  await ann.ask({ op: "join", room: "chat.1", presence: true, info: { name: "Ann" } });
  await until(async () => (await present(ann, "chat.1")) === 1, "she is there");
  const bob = await second.client();
  const joined = await bob.ask({ op: "join", room: "chat.1", presence: true, info: { name: "Bob" } });
  assert.equal(joined.count, 2, "a room that a node has just made has heard the others");
  assert.deepEqual(joined.members.map((member) => member.info.name).sort(), ["Ann", "Bob"]);
  await until(() => ann.pushes.some((push) => push.op === "presence" && push.join?.some((m) => m.info.name === "Bob")), "she hears of him");
  second.forget(bob);
  await until(async () => (await present(ann, "chat.1")) === 1, "he is gone", 15_000);
});

test("who asks a node's admin listener hears of the whole cluster, whether that node has the room or not", async (t) => {
  const { nodes: [first, second] } = await cluster(t, 2);
  const [ann, bob] = [await first.client(), await first.client()];
  await ann.ask({ op: "join", room: "chat.1", info: { name: "Ann" } });
  await bob.ask({ op: "join", room: "chat.1", info: { name: "Bob" } });
  const names = (page) => page.members.map((member) => member.info.name).sort();
  // (The second node has nobody in the room, and so has never heard of it.)
  await until(async () => (await first.get("/v1/rooms/chat.1/presence")).count === 2, "the node that they are on knows");
  const there = await second.get("/v1/rooms/chat.1/presence");
  assert.deepEqual([there.count, names(there)], [2, ["Ann", "Bob"]]);
  const cat = await second.client();
  await cat.ask({ op: "join", room: "chat.1", info: { name: "Cat" } });
  for (const node of [first, second])
    await until(async () => names(await node.get("/v1/rooms/chat.1/presence")).length === 3, "all nodes know of all");
  assert.deepEqual(await second.get("/v1/rooms/chat.2/presence"), { members: [], count: 0, more: false });
});

test("the people of a node that is killed are gone from all others within five seconds, all at once", async (t) => {
  const { nodes: [first, second, third] } = await cluster(t, 3, { "namespace.chat": { linger: "60s" } });
  const rooms = ["chat.1", "chat.2"];
  // Who watches a room, and what it was told of it, each with its time.
  const watchers = [];
  for (const node of [first, third])
    for (const room of rooms) {
      const told = [];
      const wire = await node.client({ onPush: (push) => told.push({ ...push, at: performance.now() }) });
      await wire.ask({ op: "join", room, presence: true });
      watchers.push({ wire, room, told });
    }
  for (const wire of await second.clients(20))
    for (const room of rooms) await wire.ask({ op: "join", room });
  for (const { wire, room, told } of watchers) {
    await until(async () => (await present(wire, room)) === 22, `all are in ${room}`);
    await until(() => told.at(-1)?.count === 22, `its watcher knows of all in ${room}`);
    told.length = 0;
  }
  const killed = performance.now();
  await second.kill();
  for (const { wire, room, told } of watchers) {
    await until(() => told.length > 0, `they are gone from ${room}`, 10_000);
    assert.equal(await present(wire, room), 2);
  }
  // One change of each room has all of them, and nothing else comes before or after it.
  for (const { room, told } of watchers)
    assert.deepEqual(told.map((push) => [push.op, push.room, push.leave?.length, push.join, push.count]), [["presence", room, 20, undefined, 2]]);
  const last = Math.max(...watchers.flatMap(({ told }) => told.map(({ at }) => at - killed)));
  t.diagnostic(`the last was told after ${Math.round(last)} ms`);
  assert.ok(last <= 5000, `the last was told after ${last} ms`);
});

test("a namespace that is not declared is refused by name", async (t) => {
  const { nodes: [node] } = await cluster(t, 1);
  const ann = await node.client();
  for (const command of [{ op: "join", room: "news.1" }, { op: "publish", room: "news.1", type: "m", data: 1 }]) {
    const answer = await ask(ann, command);
    assert.equal(answer.op, "error");
    assert.match(answer.message, /news/);
  }
});

test("while NATS is away clients stay, nothing is confirmed that is not kept, and afterwards nobody has missed anything", async (t) => {
  const { nats, nodes } = await cluster(t, 2);
  const [ann, bob] = [await nodes[0].client(), await nodes[1].client()];
  for (const wire of [ann, bob]) {
    await wire.ask({ op: "join", room: "chat.1" });
    await wire.ask({ op: "join", room: "live.1" });
  }
  const confirmed = [];
  for (let i = 0; i < 10; ++i) {
    await publish(ann, "chat.1", i);
    confirmed.push(i);
  }
  await nats.kill();
  await until(async () => !(await ready(nodes[0])), "not ready", 5_000);
  const refused = await publish(ann, "chat.1", "while it is away", { event_id: "away" });
  assert.equal(refused.op, "error");
  assert.equal(refused.code, "unavailable");
  assert.ok(["not_stored", "unknown"].includes(refused.outcome), refused.outcome);
  assert.equal(refused.event_id, "away");
  const failed = ["not_stored", "unknown"].map((outcome) => nodes[0].metric(`hubbub_log_refused_total{outcome="${outcome}"}`));
  assert.equal((await Promise.all(failed)).reduce((sum, n) => sum + n), 1);
  // A live room of one node goes on.
  const local = await nodes[0].client();
  await local.ask({ op: "join", room: "live.1" });
  assert.equal((await publish(ann, "live.1", "still here")).op, "ok");
  await local.gets(1);

  await nats.start();
  await until(() => ready(nodes[0]), "ready again", 10_000);
  const retried = await eventually(async () => {
    const answer = await publish(ann, "chat.1", "while it is away", { event_id: "away" });
    return answer.op === "ok" && answer;
  }, "the retry is kept");
  confirmed.push("while it is away");
  for (const wire of [ann, bob]) {
    await until(() => wire.events.some((event) => event.offset === retried.offset && event.room === "chat.1"), "the retry is heard", 10_000);
    assert.deepEqual(wire.events.filter((event) => event.room === "chat.1").map((event) => event.data), confirmed);
    assert.equal(wire.broken, null);
  }
});

test("a node that is to be ready without NATS is, and says what it cannot keep", async (t) => {
  const nats = await startNats(t);
  const [without, other] = await Promise.all([true, false].map((ready_without_bus) =>
    serve(t, { sections: { ...namespaces, nats: { url: nats.url, timeout: "1s" }, server: { ready_without_bus } } })));
  const ann = await without.client();
  await ann.ask({ op: "join", room: "chat.1" });
  await nats.kill();
  await until(async () => !(await ready(other)), "the other one is not ready", 5_000);
  assert.ok(await ready(without));
  assert.equal((await publish(ann, "chat.1", "nobody keeps it")).code, "unavailable");
  assert.equal(await without.metric("hubbub_log_answers"), 0);
});

test("a node shows which nats-server it is connected to, and that this one will end soon", async (t) => {
  const { nats, nodes: [node] } = await cluster(t, 1);
  const { log } = await node.get("/v1/node");
  assert.deepEqual(log.namespaces.find(({ namespace }) => namespace === "chat"), { namespace: "chat", storage: "file", replicas: 1 });
  assert.equal(await node.metric('hubbub_log_info{storage="jetstream",sync="server"}'), 1);
  assert.equal(await node.metric("hubbub_log_replicas"), 1);
  assert.equal(await node.metric('hubbub_log_namespace_replicas{room_namespace="chat"}'), 1);
  const look = async () => (await node.get("/v1/node")).nats;
  const well = await look();
  const { tree } = await node.get("/v1/supervisors");
  assert.equal(tree.children.find(({ name }) => name === "bus").size, well.links.length);
  assert.ok(well.links.length > 1);
  for (const link of well.links) assert.deepEqual(link, { server: nats.url, connected: true, lame_duck: false });
  assert.deepEqual([well.lame_ducks, well.moves], [0, 0]);
  nats.signal("SIGUSR2");
  await until(async () => (await look()).links.every((link) => link.lame_duck), "all connections have heard it");
  const ending = await look();
  assert.deepEqual([ending.lame_ducks, ending.moves], [well.links.length, 0], "there is nowhere else to go");
});

test("a NATS that has lost everything begins a new epoch, and clients join again", async (t) => {
  const { nats, nodes: [node] } = await cluster(t, 1);
  const ann = await node.client();
  const { epoch } = await ann.ask({ op: "join", room: "chat.1" });
  for (let i = 0; i < 5; ++i) await publish(ann, "chat.1", i);
  await nats.kill();
  nats.forget();
  await nats.start();
  const again = await node.client();
  const answer = await eventually(async () => {
    const joined = await ask(again, { op: "join", room: "chat.1", since: { epoch, offset: 5 } });
    if (joined.op === "ok" && joined.epoch !== epoch) return joined;
    if (joined.op === "ok") await again.ask({ op: "leave", room: "chat.1" });
    return undefined;
  }, "the new epoch", 20_000);
  assert.equal(answer.recovered, false);
});

test("what cannot work at start is one sentence", async (t) => {
  const flags = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
  const none = await run(["serve", "--dev", "--nats", "nats://127.0.0.1:1", ...flags]);
  assert.equal(none.code, 1);
  assert.match(none.stderr.trim(), /^hubbub: [^\n]*127\.0\.0\.1:1[^\n]*$/m);
  const nats = await startNats(t);
  const both = await run(["serve", "--dev", "--nats", nats.url, "--data-dir", directory(), ...flags]);
  assert.equal(both.code, 2);
  assert.match(both.stderr, /data_dir: is of no use with nats\.url/);
});

test("the lost last event of a quiet room is there within a second after the node's link to NATS broke", async (t) => {
  const { link, rooms, found, all } = await lastIsLost(t, 3);
  assert.equal(found.size, 0);
  link.loseNothing();
  const { carried, greeted } = link;
  link.tear();
  await all();
  await until(() => link.greeted === greeted + carried, "all of its connections are back");
  const took = Math.max(...rooms.map((room) => found.get(room).at)) - link.lastGreeted;
  t.diagnostic(`found ${Math.round(took)} ms after the last connection was back`);
  assert.deepEqual(rooms.map((room) => found.get(room).data), rooms.map(() => "lost"));
  assert.ok(took <= 1000, `found ${took} ms after the last connection was back`);
});

test("the lost last event of a quiet room is there within 30 seconds, whatever happens", async (t) => {
  const { link, rooms, found, begun } = await quiet;
  const took = rooms.map((room) => found.get(room).at - begun);
  t.diagnostic(`found after ${took.map((ms) => (ms / 1000).toFixed(1)).join(", ")} s`);
  assert.deepEqual(rooms.map((room) => found.get(room).data), rooms.map(() => "lost"));
  assert.equal(link.lost, rooms.length);
  for (const ms of took) assert.ok(ms <= 30_000, `found after ${ms} ms`);
});
