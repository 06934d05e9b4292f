// A cluster under random faults, and an audit of what everybody had.
//
//   node tests/faults/run.mjs [--seconds 300] [--seed N] [--clients 300] [--rooms 20] [--nodes 3]
//
// The same seed does the same things at about the same times; what the machine makes of it may differ.

import { createWriteStream, mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { request } from "../integration/support/server.mjs";
import { audit, explained } from "./audit.mjs";
import { sleep, startCluster } from "./cluster.mjs";
import { Follower } from "./follower.mjs";
import { mischief } from "./mischief.mjs";
import { BackendProducer, ClientProducer } from "./producer.mjs";
import { source } from "./random.mjs";
import { rollCall } from "./roll_call.mjs";
import { RosterWatch } from "./roster_watch.mjs";

const names = ["seconds", "seed", "clients", "rooms", "nodes"];
const fail = (why) => {
  console.error(`faults: ${why}`);
  process.exit(2);
};
const read = (how) => {
  try {
    return parseArgs(how);
  } catch (error) {
    return fail(error.message);
  }
};
const { values } = read({ options: { help: { type: "boolean" }, ...Object.fromEntries(names.map((name) => [name, { type: "string" }])) } });
if (values.help) {
  console.log("node tests/faults/run.mjs [--seconds 300] [--seed N] [--clients 300] [--rooms 20] [--nodes 3]");
  process.exit(0);
}
const number = (name, otherwise) => {
  const value = Number(values[name] ?? otherwise);
  if (!Number.isInteger(value) || value < 1) fail(`--${name} must be a whole number above 0, not "${values[name]}"`);
  return value;
};
const seconds = number("seconds", 300), seed = number("seed", Date.now() % 1_000_000 + 1), clients = number("clients", 300);
const rooms = Array.from({ length: number("rooms", 20) }, (_, i) => `chat.${i}`);

const place = new URL("../../build/faults/", import.meta.url);
mkdirSync(place, { recursive: true });
const log = createWriteStream(new URL(`${seed}.log`, place));
const began = Date.now();
const say = (what) => {
  const line = `${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${what}`;
  log.write(`${line}\n`);
  console.log(line);
};

say(`seed ${seed}, ${seconds} s, ${clients} clients in ${rooms.length} rooms`);
const config = `[nats]\nreplicas = 3\ntimeout = "1500ms"\n[namespace.chat]\nhistory_size = 100000\n`;
const world = await startCluster({ nodes: number("nodes", 3), config });
say("the cluster is up");

const followers = Array.from({ length: clients }, (_, i) => {
  const random = source(seed * 1000 + i);
  return new Follower(random, world.nodes, [...new Set([random.one(rooms), random.one(rooms)])]);
});
const producers = [
  ...Array.from({ length: 5 }, (_, i) => new ClientProducer(`client-${i}`, source(seed * 77 + i), rooms, 30, world.nodes)),
  ...Array.from({ length: 2 }, (_, i) => new BackendProducer(`backend-${i}`, source(seed * 99 + i), rooms, 30, world.servers)),
];
for (const producer of producers) producer.begin();

let memory = 0;
const watch = setInterval(() => { memory = Math.max(memory, ...world.nodes.map((node) => node.memory())); }, 500);

const rosters = new RosterWatch(world.nodes, rooms, () => followers.map((follower) => follower.present()).filter(Boolean));
const random = source(seed);
const deeds = mischief(random, world, rosters.troubles);
let faults = 0;
await sleep(2000);
for (const end = Date.now() + seconds * 1000; Date.now() < end; ++faults) {
  await random.one(deeds)(say);
  await sleep(random.between(200, 3000));
}
say("no more faults");

const waits = setInterval(() => say(`waiting for the producers: ${producers.map((p) => p.lastError).filter(Boolean).slice(-1)}`), 5000);
await Promise.all(producers.map((producer) => producer.end()));
clearInterval(waits);
say("all that was published is confirmed");

// Where each life of a room ends; what a backend published was confirmed without one, and belongs to the only one if there was no other.
const last = new Map();
for (const { confirmed } of producers)
  for (const { room, epoch, offset } of confirmed) last.set(`${room} ${epoch}`, Math.max(last.get(`${room} ${epoch}`) ?? 0, offset));
const end = (room, { epoch, epochs }) => Math.max(last.get(`${room} ${epoch}`) ?? 0, (epochs.length === 1 && last.get(`${room} undefined`)) || 0);
const behind = () => followers.filter(({ rooms }) => [...rooms].some(([room, had]) => !(had.offset >= end(room, had)))).length;
const caught = Date.now();
while (behind() > 0 && Date.now() < caught + 60_000) await sleep(100);
const late = behind();
say(`${late} followers are still behind after ${((Date.now() - caught) / 1000).toFixed(1)} s`);
clearInterval(watch);
// Five seconds after everybody is back no node shows anybody who is not there.
await sleep(5000);
const people = await rollCall(world.nodes, followers.map(({ rooms, wire }) => ({ rooms, user: wire?.welcome?.session })), rooms);
say(`presence on ${world.nodes.length} nodes: ${people.ghosts} ghosts, ${people.missing} missing`);
await rosters.end();
if (!rosters.truth.well || people.missing || people.ghosts)
  for (const node of world.nodes) {
    const { nodes, nats } = await request(`${node.admin}/v1/node`).then((answer) => answer.json());
    say(`${node.name} knows ${JSON.stringify(nodes)} over ${JSON.stringify(nats?.links)}`);
  }
const { compared, due, overdue, longestGhost, longestMissing, sentences } = rosters.truth.found;
for (const sentence of sentences) say(sentence);
say(`rosters compared every second, ${compared} times, ${rosters.unanswered} times without an answer: ${due} people had to be there, ${overdue} had to be gone; the longest ghost ${(longestGhost / 1000).toFixed(1)} s, the longest missing ${(longestMissing / 1000).toFixed(1)} s (at most ${rosters.truth.bound / 1000} s); this process stood still for ${(rosters.late / 1000).toFixed(1)} s at most`);

// What servers lose or number otherwise among themselves no broker can make good.
const parted = (all) => all.length < world.servers.length || new Set(all.map(({ messages, last }) => `${messages} up to ${last}`)).size > 1;
let replicas = await world.replicas();
for (const end = Date.now() + 10_000; parted(replicas) && Date.now() < end; replicas = await world.replicas()) await sleep(200);
const same = !parted(replicas);
say(`nats-server ${world.servers[0].version}: ${same ? "all three have" : "they differ:"} ${[...new Set(replicas.map(({ server, messages, last }) => `${same ? "" : `${server.name} `}${messages} messages up to ${last}`))].join(", ")}`);

const found = audit(followers, producers, await world.archive());
await Promise.all(followers.map((follower) => follower.end()));
const sum = (list, of) => list.reduce((n, one) => n + of(one), 0);
for (const sentence of found.sentences) say(sentence);
say(`faults ${faults}, confirmed ${found.confirmed}, delivered ${found.delivered}, retries ${sum(producers, (p) => p.retries)}, reconnects ${sum(followers, (f) => f.reconnects)}`);
say(`lost ${found.lost} (${found.lostByLog} of them JetStream has not kept), repeated ${found.repeated} (${found.repeatedByLog} it has twice), out of order ${found.disordered}; named by gaps or a new epoch ${found.named} (${found.gaps} gaps, ${found.epochs} epochs), never joined ${found.absent}; a node had at most ${Math.round(memory / 1e6)} MB`);
for (const one of [...world.nodes, ...world.servers]) writeFileSync(new URL(`${seed}-${one.name}.log`, place), one.errors);
await world.end();
const told = explained(found, world.nodes.map(({ errors }) => errors), sum(followers, ({ rooms }) => rooms.size));
if (!told.well) say(`the nodes know of ${told.lives} lives of the log that ended, which does not explain ${found.gaps} gaps and ${found.epochs} epochs`);
const well = same && late === 0 && told.well && found.absent === 0 && found.lost === 0 && found.repeated === 0 && found.disordered === 0 && found.confirmed > 0 && memory < 500e6 &&
  people.ghosts === 0 && people.missing === 0 && rosters.truth.well;
say(well ? "Nothing was lost." : "Something is wrong.");
log.end(() => process.exit(well ? 0 : 1));
