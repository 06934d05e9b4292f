import { Emitter, HubbubError, transient } from "./base.js";

/** A room that this client is in, or wants to be in again after each reconnect. Made by `Hubbub.join`. */
export class Room extends Emitter {
  #hub;
  #options;
  #seen = 0;
  #renewed = false;

  constructor(hub, name, options) {
    super();
    this.#hub = hub;
    this.#options = options;
    this.name = name;
    /** The last position had: `{epoch, offset}`; null before the first join. */
    this.position = options.since ?? null;
    /** Members by user; null while unknown, or where only the count is told. */
    this.members = null;
    /** How many people are here; null while unknown. */
    this.count = null;
    this.joined = false;
    if (this.position) this.#seen = this.position.offset;
  }

  /** Publishes; resolves when the log has it. Sent again after a reconnect, unless `retry: false`. */
  publish(type, data, options) {
    return this.#hub.publish(this.name, type, data, options);
  }

  /** Changes what presence shows of this client, now and after each reconnect. */
  update(info) {
    this.#options.info = info;
    return this.joined ? this.#hub.request("update", { room: this.name, info }) : Promise.resolve();
  }

  /** Events of the past: `{events, more}`; `before` or `after` an offset. */
  history(query) {
    return this.#hub.request("history", { room: this.name, ...query });
  }

  leave() {
    return this.#hub.leave(this);
  }

  /** @internal */
  enter() {
    const { history, presence, info } = this.#options;
    const since = this.#options.recover === false ? null : this.position;
    const fields = { room: this.name, presence, info, ...(since ? { since } : history ? { history } : {}) };
    this.#hub.command("join", fields, (ok) => this.#entered(ok, since), (error) => {
      if (error.code === "offline") return; // joined again by the next connection
      if (transient.has(error.code)) setTimeout(() => this.#hub.reenter(this), error.retryAfterMs || 1000);
      this.emit("error", error);
    });
  }

  #entered(ok, since) {
    this.joined = true;
    this.#renewed = Boolean(since) && since.epoch !== ok.epoch;
    if (since?.epoch !== ok.epoch) this.#seen = ok.offset; // another life of the log: offsets start afresh
    this.position = { epoch: ok.epoch, offset: ok.offset };
    this.members = ok.members ? new Map(ok.members.map((m) => [m.user, m])) : null;
    this.count = ok.count ?? null;
    this.emit("joined", {
      head: ok.head, offset: ok.offset, recovered: ok.recovered, again: Boolean(since), renewed: this.#renewed,
    });
    this.emit("presence", { reset: true });
  }

  /** @internal What a `resume` says of this room; null: there is nothing to go on from. */
  place() {
    if (!this.position || this.#options.recover === false) return null;
    const { presence, info } = this.#options;
    return { ...this.position, presence, info };
  }

  /** @internal False: it was refused, and is to be joined anew, which says why or succeeds. */
  resumed({ epoch, offset, head, recovered, error: code }) {
    if (code && !transient.has(code)) return false;
    if (code) {
      setTimeout(() => this.#hub.reenter(this), 1000);
      this.emit("error", new HubbubError(code, `the room could not be resumed: ${code}`));
      return true;
    }
    this.joined = true;
    this.#renewed = this.position.epoch !== epoch;
    if (this.#renewed) this.#seen = offset; // another life of the log: offsets start afresh
    this.position = { epoch, offset };
    this.emit("joined", { head, offset, recovered, again: true, renewed: this.#renewed });
    return true;
  }

  /** @internal */
  lost() {
    this.joined = false;
  }

  /** @internal */
  receive(frame) {
    switch (frame.op) {
      case "event":
        if (frame.offset !== undefined) {
          if (frame.offset <= this.#seen) return;
          this.#seen = frame.offset;
          this.position = { epoch: this.position?.epoch, offset: frame.offset };
        }
        return this.emit("event", frame);
      case "presence":
        return this.#changePresence(frame);
      case "gap":
        this.emit("gap", { from: frame.from, to: frame.to, renewed: this.#renewed });
        this.#renewed = false;
        return;
      case "dropped":
        return this.emit("dropped", frame);
    }
  }

  #changePresence(frame) {
    const { reset, members, join = [], leave = [], update = [], count } = frame;
    this.count = count;
    if (reset) this.members = members ? new Map(members.map((m) => [m.user, m])) : null;
    else if (join.length + leave.length + update.length === 0) this.members = null; // only the count is told
    if (this.members) {
      for (const m of [...join, ...update]) this.members.set(m.user, m);
      for (const m of leave) this.members.delete(m.user);
    }
    this.emit("presence", { reset: Boolean(reset), join, leave, update });
  }
}
