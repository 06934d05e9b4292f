// A client that comes back: to any node, from where it was in each of its rooms.

import { Wire } from "../integration/support/wire.mjs";
import { sleep } from "./cluster.mjs";

export class Follower {
  /**
   * Room -> what it had of it: `{epoch, offset, head, events: [{id, offset, epoch}], gaps: [{from, to, epoch}], faults, epochs}`,
   * and of each epoch in `lives` where it `begin`s and how far it has come. `head`: where the room stood when it joined. A
   * gap's `to` is null until something follows, and `head` then says how far it reaches at least.
   */
  rooms = new Map();
  reconnects = 0;
  /** The rooms that it has joined on this connection. */
  joined = new Set();
  #over = false;

  constructor(random, nodes, rooms) {
    Object.assign(this, { random, nodes });
    for (const room of rooms) this.rooms.set(room, { events: [], gaps: [], faults: [], epochs: [], lives: new Map() });
    this.done = this.#live();
  }

  end() {
    this.#over = true;
    this.wire?.close();
    return this.done;
  }

  async #live() {
    while (!this.#over) {
      try {
        await this.#connect();
        while (!this.wire.closed && !this.#over) await sleep(50);
        if (this.wire.broken) this.fault(this.wire.broken.message);
      } catch {
        // Tried again below, elsewhere.
      }
      this.wire?.close();
      if (this.#over) return;
      ++this.reconnects;
      await sleep(this.random.between(20, 500));
    }
  }

  /** Who it is now, as a node shows it, where, and in which rooms; nothing: nowhere. */
  present() {
    const { wire, node, joined } = this;
    return wire?.welcome && !wire.closed ? { session: wire.welcome.session, node: node?.name, rooms: joined } : undefined;
  }

  fault(what) { for (const had of this.rooms.values()) had.faults.push(what); }

  async #connect() {
    const node = this.random.one(this.nodes);
    const pending = Wire.open({
      port: node.port,
      keep: false,
      onEvent: (event) => this.#had(event),
      onPush: (push) => {
        if (push.op !== "gap") return;
        const had = this.rooms.get(push.room);
        had.gaps.push({ from: push.from, to: push.to, head: had.head, epoch: had.epoch });
      },
      onAnswer: (answer) => this.#joined(answer),
    });
    const late = setTimeout(() => pending.then((wire) => wire.close(), () => {}), 3000);
    this.joined = new Set();
    this.wire = await Promise.race([pending, sleep(3000).then(() => { throw new Error("no welcome"); })]);
    clearTimeout(late);
    this.node = node;
    // What was not heard for long is given up, as an application's heartbeat would.
    const wire = this.wire;
    for (const [room, had] of this.rooms) {
      const since = had.epoch ? { epoch: had.epoch, offset: had.offset } : undefined;
      for (let tries = 0; ; ++tries)
        try {
          await Promise.race([wire.ask({ op: "join", room, ...(since && { since }) }), sleep(8000).then(() => { throw new Error("late"); })]);
          break;
        } catch (error) {
          if (!error.answer || wire.closed || tries === 50) throw error;
          await sleep(error.answer.retry_after_ms ?? 100);
        }
    }
    await this.#watch(wire, node);
  }

  /** At once, before the events that follow. */
  #joined(answer) {
    if (answer.op !== "ok" || answer.recovered === undefined && answer.head === undefined) return;
    const had = this.rooms.get(answer.room);
    if (!had) return;
    this.joined.add(answer.room);
    if (had.epoch !== answer.epoch) {
      had.epoch = answer.epoch;
      had.epochs.push(answer.epoch);
      had.lives.set(answer.epoch, { begin: answer.offset, order: 0 });
    }
    had.offset = answer.offset;
    had.head = answer.head;
  }

  /** A node that stopped says nothing: whoever asks and is not answered goes elsewhere. */
  async #watch(wire, node) {
    while (!wire.closed && !this.waits) {
      const [room] = this.rooms.keys();
      const answer = wire.ask({ op: "presence", room, limit: 1 }).then(() => true, (error) => !!error.answer);
      const alive = await Promise.race([answer, sleep(5000).then(() => false)]);
      if (!alive) return wire.close();
      await sleep(1000);
    }
  }

  #had(event) {
    const had = this.rooms.get(event.room);
    const life = had.lives.get(had.epoch);
    const gap = had.gaps.at(-1);
    if (gap?.to === null && gap.epoch === had.epoch) gap.to = event.offset;
    if (event.offset <= life.order) had.faults.push(`${event.offset} after ${life.order}`);
    life.order = event.offset;
    had.offset = event.offset;
    had.events.push({ id: event.event_id, offset: event.offset, epoch: had.epoch });
  }
}
