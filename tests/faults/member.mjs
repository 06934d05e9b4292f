// A light client of a crowd: one room, a cursor, and a counter instead of all that it had. Its room has one producer that
// numbers its events, so a hole or a repeat shows at once.

import { Wire } from "../integration/support/wire.mjs";
import { sleep } from "./cluster.mjs";

/** The first wait of somebody who lost its node without a word, and the longest one, before jitter. */
const firstWait = 500, longestWait = 4000;

export class Member {
  epoch;
  offset = 0;
  /** The number of the event that comes next; null after something that names a hole. */
  next = 0;
  session;
  port;
  faults = { lost: 0, repeated: 0, disordered: 0, named: 0, gaps: 0, epochs: 0, refused: 0, resumed: 0 };
  /**
   * `[left, back or null, the port that it left, late]` of each time it was away; back means joined, and nothing is missing.
   * `late`: milliseconds of it in which it would have gone on, had its process had the time.
   */
  trips = [];
  /** Where the room stood when it joined; Infinity while it is not in. */
  #head = Infinity;
  /** What came next before the hole that was named. */
  #before = 0;
  #ticket = null;
  #over = false;
  /** How late it was for certain, in all, since it left, and at most when it noticed that. */
  #late = 0;
  #noticed = 0;
  /** When it last tried to connect, and how late it was with that at most. */
  #tried = [Date.now(), 0];

  /**
   * `patience`: milliseconds of silence after which it looks for another node. `token`: what it shows as long as it has no
   * ticket. `deflate`: it takes compressed messages, as browsers do.
   */
  constructor({ room, port, ports, random, patience, log, token, deflate }) {
    Object.assign(this, { room, port, ports, random, patience, log, token, deflate });
    this.here = new Promise((resolve) => { this.#arrived = resolve; });
  }
  #arrived;

  async live() {
    for (let failures = 0; !this.#over;) {
      let wait;
      try {
        await this.#connect();
        failures = 0;
        await this.gone;
        wait = this.told ?? this.random.between(0, 2 * firstWait);
        if (this.wire.broken) this.#fault(this.wire.broken.message);
      } catch (error) {
        wait = this.random.between(0, Math.min(longestWait, firstWait * 2 ** ++failures));
        const after = /^retry-after: *(\d+)/im.exec(error.message);
        if (after) wait += 1000 * Number(after[1]);
        const status = /^HTTP\/1.1 (\d+)/.exec(error.message)?.[1];
        if (status) {
          ++this.faults.refused;
          this.log.handshakes.push(this.#tried);
        }
        if (status === "401") this.#ticket = null;
        this.wire?.close();
      }
      if (this.#over) return;
      const due = Math.max(Date.now(), this.held ?? 0) + wait;
      await sleep(due - Date.now());
      const late = Math.max(0, Date.now() - due);
      this.#late += late;
      // What comes after a failure does not count from when it left.
      this.#tried = [Date.now(), late + (failures === 0 ? this.#noticed : 0)];
      const others = this.ports.filter((port) => port !== this.port);
      if (others.length) this.port = this.random.one(others);
    }
  }

  /** Its socket is torn, and it does not come back before `until`. */
  cut(until) {
    this.held = until;
    this.wire?.close();
  }
  end() {
    this.#over = true;
    this.wire?.close();
  }
  /** Has heard nothing for longer than it bears? */
  look(now) {
    const { wire } = this;
    if (!wire || wire.closed) return;
    // Pings count: a room may have nothing to say.
    if (wire.bytes !== this.bytes) this.heard = now;
    this.bytes = wire.bytes;
    if (now - this.heard > this.patience) wire.close();
  }

  async #connect() {
    this.told = undefined;
    let leave;
    this.gone = new Promise((resolve) => { leave = resolve; });
    this.heard = Date.now();
    this.wire = undefined;
    const wire = await Wire.open({
      port: this.port, keep: false, deflate: this.deflate, ticket: this.#ticket, token: this.#ticket ? undefined : this.token, within: this.patience,
      onEvent: (event) => this.#had(event),
      onPush: (push) => this.#pushed(push),
      onAnswer: (answer) => this.#answered(answer),
      onEnd: () => {
        if (this.#head !== Infinity) this.#left();
        leave();
      },
    });
    this.wire = wire;
    this.#late += this.log.late();
    this.log.handshakes.push(this.#tried);
    const since = this.epoch && { epoch: this.epoch, offset: this.offset };
    // The handshake showed the ticket; where the server gives none, `join` does the same for one room.
    if (this.#ticket && since) await this.#ask({ op: "resume", rooms: { [this.room]: since } });
    else await this.#ask({ op: "join", room: this.room, ...(since && { since }) });
    // Without a user it is shown by its session.
    this.user = wire.welcome.user ?? wire.welcome.session;
    this.#ticket = wire.welcome.ticket;
    this.#arrived();
  }

  async #ask(command) {
    for (let tries = 0; ; ++tries)
      try {
        const answer = await this.wire.ask({ ...command });
        const why = answer.rooms?.[this.room]?.error;
        if (!why) return;
        command = { op: "join", room: this.room, since: { epoch: this.epoch, offset: this.offset } };
        if (tries === 50) throw new Error(why);
      } catch (error) {
        if (!error.answer || this.wire.closed || tries === 50) throw error;
        await sleep(this.random.between(0, 2 * (error.answer.retry_after_ms ?? 100)));
      }
  }

  #left() {
    this.#head = Infinity;
    if (this.#over) return;
    // Who goes again before it had all is still on its way.
    if (this.trips.at(-1)?.[1] === null) return;
    this.trips.push([Date.now(), null, this.port, 0]);
    this.#late = 0;
    this.#noticed = this.log.lateAtMost();
  }
  #seen() {
    if (this.offset < this.#head) return;
    const trip = this.trips.at(-1);
    if (!trip || trip[1] !== null) return;
    trip[1] = Date.now();
    trip[3] = this.#late + this.log.late();
  }

  /** At once, before the events that follow. */
  #answered(answer) {
    const joined = answer.rooms?.[this.room] ?? answer;
    if (answer.op !== "ok" || joined.head === undefined) return;
    if (answer.rooms) ++this.faults.resumed;
    if (this.epoch !== undefined && this.epoch !== joined.epoch) {
      ++this.faults.epochs;
      this.next = null;
    }
    this.epoch = joined.epoch;
    this.offset = joined.offset;
    this.#head = joined.head;
    this.#seen();
  }

  #had({ offset, data: { n } }) {
    if (offset <= this.offset) ++this.faults.disordered;
    this.offset = offset;
    if (this.next === null) {
      this.faults.named += Math.max(0, n - this.#before);
    } else if (n < this.next) {
      ++this.faults.repeated;
      this.#fault(`${n} (${offset}) again; ${this.next} was to come`);
      return;
    } else if (n > this.next) {
      this.faults.lost += n - this.next;
      this.#fault(`${n} (${offset}) came where ${this.next} was to come`);
    }
    this.next = n + 1;
    this.#before = this.next;
    this.#seen();
  }

  #pushed(push) {
    if (push.op === "gap") {
      ++this.faults.gaps;
      this.next = null;
    }
    if (push.op === "ticket") this.#ticket = push.ticket;
    if (push.op === "goodbye") {
      this.told = push.retry_after_ms ?? 0;
      if (push.code === 4101) this.log.goodbyes.push([Date.now(), this.log.lateAtMost()]);
    }
  }

  #fault(what) { if (this.log.sentences.length < 5) this.log.sentences.push(`a member of ${this.room}, from ${this.port}: ${what}`); }
}
