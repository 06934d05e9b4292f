// Three nats-servers with three replicas, and two nodes: without a majority, slow, and with leaders that step down.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { startCluster } from "../faults/cluster.mjs";
import { leadersMayStop, stoppable } from "../faults/mischief.mjs";
import { BackendProducer, ClientProducer } from "../faults/producer.mjs";
import { source } from "../faults/random.mjs";
import { connect, StringCodec } from "./support/nats.mjs";
import { eventually, request } from "./support/server.mjs";
import { until, Wire } from "./support/wire.mjs";

const config = '[nats]\nreplicas = 3\ntimeout = "1500ms"\n[namespace.chat]\nhistory_size = 100000\n[namespace.live]\nkind = "live"\n';
let world;
before(async () => { world = await startCluster({ nodes: 2, config }); });
after(() => world.end());

const ready = (node) => request(`${node.admin}/readyz`, { ms: 4000 }).then(({ status }) => status === 200);
/** The answer, refused or not. */
const ask = (wire, command) => wire.ask(command).catch((error) => error.answer ?? Promise.reject(error));
const publish = (wire, room, data, more) => ask(wire, { op: "publish", room, type: "message", data, ...more });

/** A client of each node, in these rooms. */
async function readers(t, ...rooms) {
  const wires = await Promise.all(world.nodes.map(({ port }) => Wire.open({ port })));
  t.after(() => { for (const wire of wires) wire.close(); });
  for (const wire of wires) for (const room of rooms) await eventually(async () => (await ask(wire, { op: "join", room })).op === "ok", `${room} is there`);
  return wires;
}
const of = (wire, room) => wire.events.filter((event) => event.room === room);
const allWell = () => until(async () => (await Promise.all(world.nodes.map(ready))).every(Boolean), "all nodes are ready", 30_000);

test("without a majority of the servers clients stay, nothing is confirmed, and live rooms of a node go on", async (t) => {
  const [ann, bob] = await readers(t, "chat.quorum", "live.quorum");
  await world.whole();
  const confirmed = [];
  for (; confirmed.length < 5;) {
    assert.equal((await publish(ann, "chat.quorum", confirmed.length)).op, "ok");
    confirmed.push(confirmed.length);
  }
  const gone = (await stoppable(world)).slice(0, 2);
  for (const server of gone) server.stop();
  try {
    const since = performance.now();
    await until(async () => !(await Promise.all(world.nodes.map(ready))).some(Boolean), "no node is ready", 10_000);
    const took = performance.now() - since;
    assert.ok(took <= 5000, `not ready after ${took} ms`);

    const refused = await publish(ann, "chat.quorum", "in doubt", { event_id: "doubt" });
    assert.deepEqual([refused.op, refused.code, refused.event_id], ["error", "unavailable", "doubt"]);
    assert.ok(["not_stored", "unknown"].includes(refused.outcome), refused.outcome);

    const near = await Wire.open({ port: world.nodes[0].port });
    t.after(() => near.close());
    await near.ask({ op: "join", room: "live.quorum" });
    assert.equal((await publish(ann, "live.quorum", "still here")).op, "ok");
    await near.gets(1);
    assert.equal(near.events[0].data, "still here");
    for (const wire of [ann, bob]) assert.equal(wire.closed, false);
    assert.equal(await world.nodes[0].metrics().then((all) => new Map(all).get("hubbub_connections")), 2);
  } finally {
    for (const server of gone) server.go();
  }

  await allWell();
  const again = await eventually(async () => {
    const answer = await publish(ann, "chat.quorum", "in doubt", { event_id: "doubt" });
    return answer.op === "ok" && answer;
  }, "the retry is kept", 20_000);
  for (const wire of [ann, bob]) {
    await until(() => of(wire, "chat.quorum").some(({ offset }) => offset === again.offset), "the retry is heard");
    assert.deepEqual(of(wire, "chat.quorum").map(({ data }) => data), [...confirmed, "in doubt"]);
    assert.deepEqual([wire.closed, wire.broken], [false, null]);
  }
});

test("a node says what replicas of old servers are worth", async () => {
  const old = !leadersMayStop(world.servers[0]);
  for (const node of world.nodes) {
    const { log } = await request(`${node.admin}/v1/node`).then((answer) => answer.json());
    assert.equal(/nats-server before 2\.10/.test(log.promise), old, log.promise);
    const warnings = node.errors.split("\n").filter((line) => line.includes("use nats-server 2.10 or newer"));
    assert.deepEqual(warnings.map((line) => /stream=(\S+)/.exec(line)?.[1]), old ? ["HUBBUB_chat"] : []);
  }
});

test("NATS that takes 300 ms each way is slow, and nothing more", async (t) => {
  const [ann, bob] = await readers(t, "chat.slow");
  await world.whole();
  const links = world.nodes.flatMap((node) => node.links);
  for (const link of links) link.late = 300;
  t.after(() => { for (const link of links) link.late = 0; });
  const began = performance.now();
  const n = 40;
  const sent = ann.send(...Array.from({ length: n }, (_, i) => ({ op: "publish", room: "chat.slow", type: "message", data: i })));
  const answers = await Promise.all(sent);
  assert.ok(performance.now() - began >= 600, "it was not slow");
  for (const wire of [ann, bob]) {
    await wire.gets(n);
    assert.deepEqual(wire.events.map(({ data, offset }) => [data, offset]), answers.map(({ offset }, i) => [i, offset]));
  }
  // Who comes now, to a room that its node does not have yet.
  const [late] = await readers(t, "chat.slow.new");
  assert.equal((await publish(bob, "chat.slow.new", "hello")).op, "ok");
  await late.gets(1);
  assert.ok((await Promise.all(world.nodes.map(ready))).every(Boolean), "they are ready all the time");
});

test("leaders step down under publishes, and everybody has each confirmed event once", async (t) => {
  await allWell();
  const rooms = ["chat.lead.1", "chat.lead.2", "chat.lead.3"];
  const wires = await readers(t, ...rooms);
  await world.whole();
  const connection = await connect({ servers: world.servers.map(({ port }) => `127.0.0.1:${port}`), timeout: 2000 });
  t.after(() => connection.close());
  const { streams } = await connection.jetstreamManager({ timeout: 2000, checkAPI: false });
  const stepDown = () =>
    connection.request("$JS.API.STREAM.LEADER.STEPDOWN.HUBBUB_chat", StringCodec().encode(""), { timeout: 2000 })
      .then((answer) => answer.json().success, () => false);
  const leader = () => streams.info("HUBBUB_chat").then(({ cluster }) => cluster?.leader, () => undefined);
  // Each room has one producer, which publishes an event when the one before is confirmed: so their order is known, too.
  const producers = rooms.map((room, i) => i === 2
    ? new BackendProducer("backend", source(3), [room], 10, world.servers)
    : new ClientProducer(`client-${i}`, source(i), [room], 10, world.nodes));
  for (const producer of producers) producer.begin();
  t.after(() => Promise.all(producers.map((producer) => producer.giveUp())));
  const some = (producer) => producer.confirmed.length;
  const more = async (n) => {
    const goal = producers.map((producer) => some(producer) + n);
    await until(() => producers.every((producer, i) => some(producer) >= goal[i]), "more is confirmed", 20_000);
  };
  await more(5);
  for (let i = 0; i < 3; ++i) {
    // A stream between two leaders does not step down.
    const old = await eventually(async () => {
      const now = await leader();
      return now && await stepDown() && now;
    }, "a leader that steps down");
    await eventually(async () => ![undefined, old].includes(await leader()), `${old} leads no more`);
    await more(5);
  }
  await Promise.all(producers.map((producer) => producer.end()));
  for (const wire of wires)
    for (const [i, room] of rooms.entries()) {
      const { confirmed } = producers[i];
      await until(() => of(wire, room).some(({ offset }) => offset >= confirmed.at(-1).offset), `all of ${room}`, 20_000);
      assert.deepEqual(of(wire, room).map((event) => event.data.n), confirmed.map((_, n) => n));
      assert.deepEqual(of(wire, room).map(({ offset }) => offset), confirmed.map(({ offset }) => offset));
      assert.deepEqual(wire.pushes.filter(({ op }) => op === "gap"), []);
    }
});
