// Backends hear once for the whole cluster that a room has got readers, and that it has none any more, whichever
// node dies.

import assert from "node:assert/strict";
import test from "node:test";

import { StringCodec } from "nats";

import { serve } from "./support/broker.mjs";
import { backend, startNats } from "./support/nats.mjs";
import { until } from "./support/wire.mjs";

const text = StringCodec();
const rooms = (from, to) => Array.from({ length: to - from }, (_, i) => `chat.${from + i}`);

/**
 * Three nodes that know each other, and what they tell: `exactly(room)` is as "occupied vacated", and `said(room)` the same without
 * repetitions, which there may be when nodes come and go.
 */
async function cluster(t) {
  const nats = await startNats(t);
  const service = await backend(t, nats);
  const told = new Map();
  for (const what of ["occupied", "vacated"])
    service.subscribe(`hubbub.notify.${what}`, { callback: (_, m) => {
      const { time, room, ...more } = JSON.parse(text.decode(m.data));
      assert.ok(time > 1.7e12);
      assert.deepEqual(more, {}, "a notice is of the cluster, not of a node");
      told.set(room, [...(told.get(room) ?? []), what]);
    } });
  await service.flush();
  const start = (name) => serve(t, { sections: {
    "namespace.chat": {}, nats: { url: nats.url, notify: ["occupied", "vacated"] }, server: { node: name }, limits: { commands_per_second: 100_000 } } });
  const nodes = [await start("n1"), await start("n2"), await start("n3")];
  const know = (n) => until(async () => (await Promise.all(nodes.map((one) => one.metric("hubbub_nodes")))).every((m) => m === n), `${n} nodes know each other`);
  await know(3);
  const exactly = (room) => (told.get(room) ?? []).join(" ");
  const said = (room) => (told.get(room) ?? []).filter((what, i, all) => what !== all[i - 1]).join(" ");
  return { nats, nodes, start, know, said, exactly };
}
/** A client in some rooms. */
async function reader(node, list) {
  const wire = await node.client();
  await Promise.all(wire.send(...list.map((room) => ({ op: "join", room }))));
  return wire;
}
const every = (said, list, what) => until(() => list.every((room) => said(room) === what), () =>
  `all are told as ${what}, not ${list.filter((room) => said(room) !== what).map((room) => `${room} ${said(room)}`).join(", ")}`);

test("a room that is read on three nodes is occupied once and vacated once", async (t) => {
  const { nodes, exactly } = await cluster(t);
  const all = rooms(0, 40);
  const readers = [];
  for (const node of nodes) readers.push(await reader(node, all));
  await every(exactly, all, "occupied");
  nodes[0].forget(readers[0]);
  nodes[1].forget(readers[1]);
  // What one node alone reads is told after it, so that what would be told wrongly would be there by then.
  const later = await reader(nodes[0], rooms(40, 50));
  await every(exactly, rooms(40, 50), "occupied");
  await every(exactly, all, "occupied");
  nodes[2].forget(readers[2]);
  await every(exactly, all, "occupied vacated");
  nodes[0].forget(later);
  await every(exactly, rooms(40, 50), "occupied vacated");
});

test("kill -9: what only that node has read is vacated within its lease, and nothing else is told", async (t) => {
  const { nodes, know, said } = await cluster(t);
  const alone = rooms(0, 40);
  const shared = rooms(40, 60);
  await reader(nodes[0], [...alone, ...shared]);
  const other = await reader(nodes[1], shared);
  await every(said, [...alone, ...shared], "occupied");
  // What was told of these, the second keepers have noted before they note anything of others.
  await reader(nodes[2], rooms(100, 150));
  await every(said, rooms(100, 150), "occupied");
  // Of forty rooms it is the first keeper of some, and the second of others.
  const began = performance.now();
  await nodes[0].kill();
  await every(said, alone, "occupied vacated");
  assert.ok(performance.now() - began < 7_000, "a lease is four seconds");
  nodes.shift();
  await know(2);
  await every(said, shared, "occupied");
  nodes[0].forget(other);
  await every(said, shared, "occupied vacated");
});

test("nodes that come and go take rooms over", async (t) => {
  const { nodes, start, know, said } = await cluster(t);
  const all = rooms(0, 25);
  const ann = await reader(nodes[0], all);
  await every(said, all, "occupied");
  await reader(nodes[2], rooms(100, 125)); // as above
  await every(said, rooms(100, 125), "occupied");
  nodes.push(await start("n4"));
  await know(4);
  // Some of these are the fourth's, and it tells them once all have handed over to it what is its.
  await reader(nodes[0], rooms(150, 175));
  await every(said, rooms(150, 175), "occupied");
  await nodes[1].stop();
  nodes.splice(1, 1);
  await know(3);
  nodes[0].forget(ann);
  await every(said, all, "occupied vacated");
});

test("the last node that ends says that its rooms are vacated", async (t) => {
  const { nodes, know, said } = await cluster(t);
  await reader(nodes[0], ["chat.1"]);
  await every(said, ["chat.1"], "occupied");
  for (const last of [1, 1]) await nodes.splice(last, 1)[0].stop();
  await know(1);
  nodes[0].signal("SIGTERM"); // with its client
  assert.equal(await nodes[0].ended, 0);
  // Two have ended in a row, so that it may have been told twice.
  await until(() => said("chat.1").endsWith("vacated"), () => `it is vacated, not ${said("chat.1")}`);
});
