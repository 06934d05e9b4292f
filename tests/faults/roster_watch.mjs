// Asks every node every second who is in each room, and holds that against who is there, whatever happens meanwhile.

import { within } from "../integration/support/server.mjs";
import { Wire } from "../integration/support/wire.mjs";
import { sleep } from "./cluster.mjs";
import { RosterTruth } from "./roster_truth.mjs";
import { Troubles } from "./troubles.mjs";

// The promise: a lease of four seconds, and a beat.
const bound = 5000;
const second = 1000, tick = 50, patience = 3000;

export class RosterWatch {
  /** How often a node was to be asked and did not answer. */
  unanswered = 0;
  /** For how many milliseconds this process stood still, at most. */
  late = 0;
  #wires = new Map();
  #now = 0;
  #looked = performance.now();
  #over = false;

  /** `people()`: who is connected, as `RosterTruth` wants to know them. */
  constructor(nodes, rooms, people) {
    Object.assign(this, { nodes, rooms, people });
    this.troubles = new Troubles(() => this.#now);
    this.truth = new RosterTruth(this.troubles, bound);
    this.#timer = setInterval(() => this.#look(), tick);
    this.done = this.#live();
  }
  #timer;

  /** The links go through this process: for as long as it stands still, nobody can have heard anything. */
  #look() {
    const now = performance.now();
    this.late = Math.max(this.late, now - this.#looked - tick);
    this.#now += Math.min(now - this.#looked, 2 * tick);
    this.#looked = now;
    this.truth.note(this.#now, this.people());
  }

  async #live() {
    for (let due = performance.now() + second; !this.#over; due = Math.max(due + second, performance.now())) {
      await sleep(due - performance.now());
      await Promise.all(this.nodes.map((node) => this.#ask(node).catch(() => {
        if (node.running && !node.stopped) ++this.unanswered;
        this.#wires.get(node)?.close();
        this.#wires.delete(node);
      })));
    }
  }

  async #ask(node) {
    if (!node.running || node.stopped) return;
    let wire = this.#wires.get(node);
    if (!wire || wire.closed) {
      wire = await Wire.open({ port: node.port, keep: false, within: patience });
      this.#wires.set(node, wire);
    }
    const asked = this.#now;
    const answers = wire.send(...this.rooms.map((room) => ({ op: "presence", room, limit: 500 })));
    const shown = await within(patience, Promise.all(answers), "who is there");
    this.#look(); // who has gone meanwhile need not be in it
    shown.forEach(({ members }, i) => this.truth.judge(node.name, this.rooms[i], new Set(members.map(({ user }) => user)), asked, this.#now));
  }

  async end() {
    this.#over = true;
    await this.done;
    clearInterval(this.#timer);
    for (const wire of this.#wires.values()) wire.close();
  }
}
