// What the rehearsals with a cluster share: nodes and their NATS, a crowd in rooms, producers, and the account of it all.

import { Wire } from "../integration/support/wire.mjs";
import { sleep, startCluster } from "./cluster.mjs";
import { Crowd } from "./crowd.mjs";
import { Eavesdropper } from "./eavesdropper.mjs";
import { Figures, quantile } from "./figures.mjs";
import { BackendProducer, ClientProducer } from "./producer.mjs";
import { source } from "./random.mjs";
import { rollCall } from "./roll_call.mjs";
import { adminKey, keys, mintToken, secret } from "./tokens.mjs";

const perRoom = 50, ping = 5000;
const sum = (list, of) => list.reduce((n, one) => n + of(one), 0);

export class Stage {
  memory = new Map();

  /** `pace`: of a drain. `events`: that all producers together aim at, a second. */
  static async build({ seed, clients, pace, events, say }) {
    const stage = new Stage();
    Object.assign(stage, { seed, pace, say, random: source(seed) });
    const config = `[nats]\nreplicas = 3\ntimeout = "1500ms"\n[drain]\npace = ${pace}\ngrace = "500ms"\n` +
      `[limits]\nping = "${ping}ms"\npong_within = "3s"\ncommands_per_second = 0\n[namespace.chat]\nhistory_size = 100000\n${keys()}`;
    stage.world = await startCluster({ nodes: 3, config, direct: true, adminKey });
    stage.nodes = stage.world.nodes;
    await stage.world.whole();
    const rooms = Array.from({ length: Math.max(6, Math.ceil(clients / perRoom)) }, (_, i) => `chat.${i}`);
    stage.rooms = rooms;
    stage.ear = await Eavesdropper.on(stage.world.servers);
    stage.watch = setInterval(() => stage.#weigh(), 200);
    // Silence for longer than a ping and its answer take is suspicious.
    stage.crowd = await Crowd.gather({ clients, rooms, seed, ports: stage.nodes.map(({ port }) => port), patience: 1.6 * ping, secret });
    await stage.#trySenses();
    // One producer for each room, every sixth of them a backend.
    const n = Math.min(30, rooms.length);
    stage.producers = Array.from({ length: n }, (_, i) => {
      const mine = rooms.filter((_, k) => k % n === i), random = source(seed * 77 + i), pause = (1000 * n) / events;
      return i % 6 === 5
        ? new BackendProducer(`backend-${i}`, random, mine, pause, stage.world.servers)
        : new ClientProducer(`client-${i}`, random, mine, pause, stage.nodes, mintToken(secret, `producer-${i}`));
    });
    for (const producer of stage.producers) producer.begin();
    say(`three nodes, ${clients} clients in ${rooms.length} rooms, with tokens and tickets`);
    return stage;
  }

  /** What is to be 0 later would be seen if it were not: tokens that were verified, and a request to a backend. */
  async #trySenses() {
    const all = async (what) => sum([...(await this.#costs()).values()], (of) => of[what]);
    if (await all("tokens") < this.crowd.size) throw new Error(`${this.crowd.size} came with a token, and ${await all("tokens")} are counted`);
    const wire = await Wire.open({ port: this.nodes[0].port, keep: false, token: mintToken(secret, "caller", { ">": ["call"] }) });
    await wire.ask({ op: "call", method: "rehearsal.sense", data: null }).catch(() => {}); // who hears it does not answer
    wire.close();
    if (this.ear.heard === 0 || await all("backend") === 0) throw new Error("a request to a backend is not heard, or not counted");
  }

  #weigh() { for (const node of this.nodes) this.memory.set(node.name, Math.max(this.memory.get(node.name) ?? 0, node.memory())); }

  /** Room -> how many of its events are confirmed. */
  published() { return new Map(this.producers.flatMap(({ counts }) => [...counts])); }

  /** Of what clients published from then on: milliseconds until confirmed. */
  latencies(from, to = Infinity) {
    return this.producers.filter((one) => one instanceof ClientProducer)
      .flatMap(({ took }) => took.filter(({ at }) => at >= from && at < to).map(({ ms }) => ms));
  }

  /** The node with the most clients, and how many. */
  async fullest() {
    const people = await this.crowd.people();
    const all = this.nodes.map((node) => ({ node, clients: people.filter(({ port }) => port === node.port).length }));
    return all.reduce((a, b) => b.clients > a.clients ? b : a);
  }

  /** Starts it, however long its servers need to agree. */
  async bringBack(one) {
    for (let tries = 0; ; ++tries)
      try {
        return await one.start();
      } catch (error) {
        if (tries === 20) throw error;
        await sleep(250);
      }
  }

  /** What reconnects may cost others, by node: requests to backends, and tokens that were verified. */
  async #costs() {
    const all = new Map();
    for (const node of this.nodes.filter(({ running }) => running)) {
      const of = { backend: 0, tokens: 0 };
      for (const [name, n] of await node.metrics()) {
        if (name.startsWith("hubbub_backend_requests_total")) of.backend += n;
        if (name.startsWith("hubbub_tokens_verified_total")) of.tokens += n;
      }
      all.set(node.name, of);
    }
    return all;
  }

  /** Of these, since `begin`: a node that was started again since counts from nothing. */
  async #spent(what) {
    let n = 0;
    for (const [name, { [what]: now }] of await this.#costs()) {
      const before = this.costs.get(name)?.[what] ?? 0;
      n += now >= before ? now - before : now;
    }
    return n;
  }

  async begin() {
    await this.world.whole();
    await this.crowd.had(this.published());
    await this.crowd.mark();
    this.began = Date.now();
    this.memory.clear();
    this.ear.heard = 0;
    this.costs = await this.#costs();
    this.retries = sum(this.producers, ({ retries }) => retries);
  }

  /**
   * When the worst is over: waits until everybody has what was published by then, and tells what is to be told of each
   * rehearsal. `able`: the time from which on clients could connect, which with `own` is for each when it was sent away.
   * `complete`: nothing may be missing, named or not.
   */
  async account({ able, own = false, complete = false }) {
    const figures = new Figures();
    const before = this.published();
    const most = await this.crowd.had(before, Math.floor(this.crowd.size / 100));
    const caught = Date.now() - able;
    const behind = await this.crowd.had(before);
    await sleep(5000);
    // Before it is asked who is there, which takes a token. As the nodes count them, and as a backend would hear them: a node
    // that was killed cannot tell any more.
    const calls = Math.max(this.ear.heard, await this.#spent("backend")), tokens = await this.#spent("tokens");
    const rolled = await rollCall(this.nodes.filter(({ running }) => running), await this.crowd.people(), this.rooms, mintToken(secret, "roll-call"));
    const seen = await this.crowd.report();
    this.sentences = seen.sentences;
    const trips = seen.trips.filter(([, back]) => own || back === null || back >= able)
      .map(([left, back, , late]) => ({ late, took: Math.max(0, (back ?? Infinity) - (own ? left : Math.max(able, left))) }));
    const back = trips.map(({ took }) => took);
    figures.be("lost", seen.faults.lost, 0);
    figures.be("repeated", seen.faults.repeated, 0);
    figures.be("out of order", seen.faults.disordered, 0);
    const named = seen.faults.named + seen.faults.gaps + seen.faults.epochs;
    if (complete) figures.be("named by a gap or a new epoch", named, 0);
    else figures.tell("named by a gap or a new epoch", named);
    figures.be("behind in the end", behind, 0);
    figures.tell("events confirmed", sum(this.producers, ({ took }) => took.filter(({ at }) => at >= this.began).length));
    figures.tell("of these tried again", sum(this.producers, ({ retries }) => retries) - this.retries);
    figures.tell("slowest publish", Math.max(...this.latencies(this.began)) / 1000, "s");
    figures.tell("reconnects", seen.handshakes.length);
    figures.tell("of these by a ticket", seen.faults.resumed);
    figures.tell("refused on the way", seen.faults.refused);
    if (back.length) {
      figures.tell("median until back and caught up", quantile(back, 0.5) / 1000, "s");
      figures.tell("99% back and caught up", quantile(back, 0.99) / 1000, "s");
      figures.tell("the same without their own lateness", quantile(trips.map(({ took, late }) => Math.max(0, took - late)), 0.99) / 1000, "s");
    }
    figures.tell("99% of all have what was published", most <= this.crowd.size / 100 ? caught / 1000 : Infinity, "s");
    figures.tell("clients were late by at most", seen.lag / 1000, "s");
    figures.tell("peak handshakes in a second", seen.peakHandshakes);
    const reconnects = Math.max(1, seen.handshakes.length);
    figures.be("backend calls per reconnect", calls / reconnects, 0);
    figures.be("tokens verified per reconnect", tokens / reconnects, 0);
    figures.be("ghosts after 5 s", rolled.ghosts, 0);
    figures.be("missing from rosters", rolled.missing, 0);
    for (const [name, bytes] of this.memory) figures.tell(`memory peak of ${name}`, Math.round(bytes / 1e6), "MB");
    return { figures, seen };
  }

  /** For bars that are times: a machine that had no time for the clients shows nothing. */
  judgeMachine(figures) { figures.limit("clients were late by at most", 1, "the machine was too late to judge"); }

  /** What the processes said. */
  errors() { return [...this.nodes, ...this.world.servers].map(({ name, errors }) => [name, errors]); }

  async end() {
    clearInterval(this.watch);
    await Promise.race([Promise.all(this.producers.map((one) => one.end())), sleep(5000)]);
    await this.crowd.end();
    await this.ear.close();
    await this.world.end();
  }
}
