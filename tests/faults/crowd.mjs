// Many light clients in several processes, as no process here may open more than 20,000 descriptors.

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

import { rate } from "./figures.mjs";
import { sleep } from "./cluster.mjs";

const most = 5000;
const children = new Set();
process.once("exit", () => { for (const child of children) child.kill("SIGKILL"); });

/** A process that answers questions of this one. */
export class Helper {
  #asked = new Map();
  #ids = 0;

  constructor(file, { nice } = {}) {
    const module = fileURLToPath(new URL(file, import.meta.url));
    this.child = nice ? fork(module, { execArgv: [], env: { ...process.env, NICE: String(nice) } }) : fork(module);
    children.add(this.child);
    this.child.on("message", ({ id, answer, error }) => {
      const { resolve, reject } = this.#asked.get(id);
      this.#asked.delete(id);
      if (error) reject(new Error(error));
      else resolve(answer);
    });
    this.child.once("exit", (code, signal) => {
      children.delete(this.child);
      for (const { reject } of this.#asked.values()) reject(new Error(`${file} ended (${signal ?? code})`));
      this.#asked.clear();
    });
  }
  ask(op, what = {}) {
    const id = ++this.#ids;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.child.send({ id, op, ...what });
    });
  }
  end() { this.child.kill("SIGKILL"); }
}

/** The other side: answers with what `does[op]` gives. */
export function serveParent(does) {
  process.on("message", async ({ id, op, ...what }) => {
    try {
      process.send({ id, answer: await does[op](what) });
    } catch (error) {
      process.send({ id, error: error.stack });
    }
  });
  process.on("disconnect", () => process.exit(0));
}

export class Crowd {
  /** `clients` in `rooms`, evenly on the nodes' `ports`, each in its room; with `secret` each has a token signed with it. */
  static async gather({ clients, rooms, ports, seed, patience, secret }) {
    const crowd = new Crowd();
    crowd.size = clients;
    const n = Math.max(Math.ceil(clients / most), clients > 1000 ? 2 : 1);
    crowd.helpers = Array.from({ length: n }, () => new Helper("crowd_process.mjs"));
    await Promise.all(crowd.helpers.map((helper, i) => helper.ask("gather", { from: i, step: n, clients, rooms, ports, seed, patience, secret })));
    return crowd;
  }

  #all(op, what) { return Promise.all(this.helpers.map((helper) => helper.ask(op, what))); }

  /** How many have not had all that was `published`: room -> how many events. */
  async behind(published) {
    const some = await this.#all("behind", { published: Object.fromEntries(published) });
    return some.reduce((a, b) => a + b);
  }
  /** Waits until all of them but `may` have it; how many are behind in the end. */
  async had(published, may = 0, ms = 60_000) {
    for (const end = Date.now() + ms; ;) {
      const behind = await this.behind(published);
      if (behind <= may || Date.now() > end) return behind;
      await sleep(50);
    }
  }
  /** Waits until, since the last mark, `left` have lost their node and all but `may` are back and miss nothing. */
  async returned({ left = 0, may = 0, ms = 60_000 }) {
    for (const end = Date.now() + ms; Date.now() < end; await sleep(50)) {
      const parts = await this.#all("away");
      const sum = (of) => parts.reduce((n, part) => n + part[of], 0);
      if (sum("left") >= left && sum("away") <= may) return true;
    }
    return false;
  }
  /** Forgets what was counted until now. */
  mark() { return this.#all("report", {}); }
  /** What was seen since the last mark or report. */
  async report() {
    const parts = await this.#all("report", {});
    const faults = {};
    for (const part of parts) for (const [name, n] of Object.entries(part.faults)) faults[name] = (faults[name] ?? 0) + n;
    const times = (of) => parts.flatMap((part) => part[of]).sort(([a], [b]) => a - b);
    const handshakes = times("handshakes");
    return {
      faults,
      trips: parts.flatMap(({ trips }) => trips),
      handshakes,
      goodbyes: times("goodbyes"),
      peakHandshakes: rate(handshakes),
      sentences: parts.flatMap(({ sentences }) => sentences),
      lag: Math.max(...parts.map(({ lag }) => lag)),
    };
  }
  /** Each tears its socket now and stays away for `ms`. */
  async cut(ms) {
    const until = Date.now() + ms;
    await this.#all("cut", { until });
    return until;
  }
  /** Everybody, as `rollCall` wants to know them. */
  async people() {
    const some = await this.#all("people", {});
    return some.flat().map(([room, user, port]) => ({ rooms: new Set([room]), user, port }));
  }
  async end() { for (const helper of this.helpers) helper.end(); }
}
