// Who publishes: through a node, or as a backend through NATS. Each event is tried again with its id until it is
// confirmed. Events are numbered within each room, so that whoever has a room from one producer alone sees a hole at once.

import { connect, headers, StringCodec } from "../integration/support/nats.mjs";

import { Wire } from "../integration/support/wire.mjs";
import { sleep } from "./cluster.mjs";

const text = StringCodec();

class Producer {
  confirmed = [];
  retries = 0;
  /** Room -> how many of its events are confirmed. */
  counts = new Map();
  /** When each was confirmed, and how many milliseconds after it was first sent. */
  took = [];
  #over = false;
  #givenUp = false;

  constructor(name, random, rooms, pause) {
    Object.assign(this, { name, random, rooms, pause });
  }
  begin() { this.done = this.#live(); }
  /** Ends when what it has begun is confirmed. */
  end() {
    this.#over = true;
    return this.done;
  }
  /** Ends soon, even if what it has begun is never confirmed. */
  giveUp() {
    this.#givenUp = true;
    return this.end();
  }

  async #live() {
    while (!this.#over) {
      const room = this.random.one(this.rooms);
      const n = this.counts.get(room) ?? 0;
      const id = `${room}/${this.name}-${n}`;
      this.sent = undefined;
      while (!this.#givenUp)
        try {
          const { offset, epoch } = await this.publish(room, id, n);
          this.took.push({ at: Date.now(), ms: performance.now() - this.sent });
          this.counts.set(room, n + 1);
          this.confirmed.push({ room, id, offset, epoch });
          break;
        } catch (error) {
          ++this.retries;
          this.lastError = error.message;
          await sleep(this.random.between(50, 300));
        }
      await sleep(this.random.between(0, 2 * this.pause));
    }
    this.close?.();
  }
}

export class ClientProducer extends Producer {
  /** `token`: what it shows as long as it has no ticket. */
  constructor(name, random, rooms, pause, nodes, token) {
    super(name, random, rooms, pause);
    Object.assign(this, { nodes, token });
  }
  async publish(room, event_id, n) {
    if (!this.wire || this.wire.closed) {
      const { token, ticket } = this;
      const pending = Wire.open({ port: this.random.one(this.nodes).port, keep: false, ticket, token: ticket ? undefined : token });
      pending.catch(() => {});
      this.wire = await Promise.race([pending, sleep(2000).then(() => { pending.then((wire) => wire.close(), () => {}); throw new Error("no welcome"); })]);
    }
    const wire = this.wire;
    this.sent ??= performance.now();
    const late = sleep(5000).then(() => { wire.close(); throw new Error("no answer"); });
    late.catch(() => {});
    const answer = await Promise.race([wire.ask({ op: "publish", room, type: "m", data: { n }, event_id }), late]);
    if (this.token) this.ticket = wire.welcome.ticket;
    return answer;
  }
  close() { this.wire?.close(); }
}

export class BackendProducer extends Producer {
  constructor(name, random, rooms, pause, servers) {
    super(name, random, rooms, pause);
    this.servers = servers;
  }
  async publish(room, id, n) {
    this.connection ??= await connect({
      servers: this.servers.map((server) => `127.0.0.1:${server.port}`), maxReconnectAttempts: -1, reconnectTimeWait: 200, timeout: 2000, waitOnFirstConnect: true,
      pingInterval: 2000, maxPingOut: 2,
    });
    const more = headers();
    more.set("Nats-Msg-Id", id);
    more.set("Hubbub-Id", id);
    this.sent ??= performance.now();
    const ack = await this.connection.jetstream().publish(`hubbub.rooms.${room}`, text.encode(JSON.stringify({ n })), { headers: more, timeout: 3000 });
    return { offset: ack.seq };
  }
  close() { return this.connection?.close(); }
}
