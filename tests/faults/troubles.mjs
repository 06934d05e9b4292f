// What is in trouble, as the one who makes it notes, and since when it is not any more.

/** The trouble of all nodes. */
export const nats = "NATS";

export class Troubles {
  #now;
  #of = new Map();

  /** `now`: tells milliseconds. */
  constructor(now) { this.#now = now; }

  #get(name) {
    if (!this.#of.has(name)) this.#of.set(name, { on: false, killed: false, since: -Infinity });
    return this.#of.get(name);
  }
  begin(name) { Object.assign(this.#get(name), { on: true, since: this.#now() }); }
  /** It ends at once, and what it had with it. */
  kill(name) { Object.assign(this.#get(name), { on: true, killed: true, since: this.#now() }); }
  end(name) { Object.assign(this.#get(name), { on: false, killed: false, since: this.#now() }); }

  isKilled(name) { return this.#get(name).killed; }
  /** Since when nothing has been wrong with any of these: before all times if never, after all times while there is. */
  well(...names) {
    let latest = -Infinity;
    for (const name of names) {
      const { on, since } = this.#get(name);
      latest = Math.max(latest, on ? Infinity : since);
    }
    return latest;
  }
}
