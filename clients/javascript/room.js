import { Emitter, HubbubError, transient } from "./base.js";
import { byteLength, encode, valueDepth } from "./frame.js";

const infoBytes = 1024; // docs/protocol.md, "Limits"

/** A room that this client is in, or wants to be in again after each reconnect. Made by `Hubbub.join`. */
export class Room extends Emitter {
  #hub;
  #options;
  #seen = 0;
  #renewed = false;
  /** A join waits for its answer. */
  #entering = false;
  /** The session has been in it, and can go on there. */
  #hasBeenIn = false;
  #left = false;
  /** What joins bear, as JSON; undefined: nothing. */
  #info;
  /** What the last join bore; once joined, what the others are shown. */
  #shown;
  /** Why the `info` that `join` was given cannot be sent. */
  #unfit = null;

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
    if (options.info === undefined) return;
    try {
      this.#info = encodeInfo(options.info);
    } catch (error) {
      this.#unfit = error;
    }
  }

  /** Publishes; resolves when the log has it. Sent again after a reconnect, unless `retry: false`. */
  publish(type, data, options) {
    return this.#hub.publish(this.name, type, data, options);
  }

  /** Changes what presence shows of this client, now and after each reconnect. When that is refused, nothing changes. */
  update(info = null) {
    let text;
    try {
      text = encodeInfo(info);
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.joined) return this.#update(text);
    this.#info = text;
    if (this.#unfit) {
      this.#unfit = null;
      this.#hub.reenter(this);
    }
    return Promise.resolve();
  }

  #update(text) {
    return new Promise((resolve, reject) => {
      const done = (ok) => {
        this.#info = this.#shown = text;
        resolve(ok);
      };
      this.#hub.command("update", { room: this.name, info: JSON.parse(text) }, done, (error) => {
        if (error.code !== "offline") return reject(error);
        this.#info = text; // the next join bears it
        resolve();
      });
    });
  }

  /** Sends what `update` was given while a join was under way. */
  #catchUp() {
    if (!this.joined || this.#info === this.#shown) return;
    this.#update(this.#info).catch((error) => {
      if (transient.has(error.code)) return setTimeout(() => this.#catchUp(), error.retryAfterMs || 1000);
      this.#info = this.#shown; // or each join to come would be refused, too
      if (!this.#left) this.emit("error", error);
    });
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
    if (this.joined || this.#entering) return;
    if (this.#unfit) {
      const why = this.#unfit;
      return queueMicrotask(() => this.emit("error", why)); // as late as any other refusal
    }
    const { history, presence } = this.#options;
    const since = this.#options.recover === false ? null : this.position;
    const refused = (error) => {
      this.#entering = false;
      if (error.code === "offline" || this.#left) return; // joined again by the next connection, or not
      if (transient.has(error.code)) setTimeout(() => this.#hub.reenter(this), error.retryAfterMs || 1000);
      this.emit("error", error);
    };
    this.#entering = true;
    const fields = { room: this.name, presence, info: this.#bear(), ...(since ? { since } : history ? { history } : {}) };
    this.#hub.command("join", fields, (ok) => this.#entered(ok, since), refused);
  }

  /** What a join is to bear, and has borne from now on. */
  #bear() {
    this.#shown = this.#info;
    return this.#info && JSON.parse(this.#info);
  }

  #entered(ok, since) {
    this.#entering = false;
    if (this.#left) return;
    this.joined = this.#hasBeenIn = true;
    this.#goOn(since, ok);
    this.members = ok.members ? new Map(ok.members.map((m) => [m.user, m])) : null;
    this.count = ok.count ?? null;
    this.emit("joined", {
      head: ok.head, offset: ok.offset, recovered: ok.recovered, again: Boolean(since), renewed: this.#renewed,
    });
    this.emit("presence", { reset: true });
    this.#catchUp();
  }

  /**
   * What follows comes after the server's position, which may lie before `since` in the same epoch: a restored backup
   * brings the log's name back, and its later offsets are given to other events.
   */
  #goOn(since, { epoch, offset }) {
    this.#renewed = Boolean(since) && (since.epoch !== epoch || offset < since.offset);
    this.#seen = offset;
    this.position = { epoch, offset };
  }

  /** @internal What a `resume` says of this room; null: there is nothing to go on from. */
  place() {
    if (!this.#hasBeenIn || this.#options.recover === false) return null;
    return { ...this.position, presence: this.#options.presence, info: this.#bear() };
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
    this.#goOn(this.position, { epoch, offset });
    this.emit("joined", { head, offset, recovered, again: true, renewed: this.#renewed });
    this.#catchUp();
    return true;
  }

  /** @internal The connection is gone. */
  lost() {
    this.joined = this.#entering = false;
  }

  /** @internal Nothing more is to come of it, whatever was asked before. Returns whether the server may have it joined. */
  left() {
    const wasIn = this.joined || this.#entering;
    this.joined = false;
    this.#left = true;
    return wasIn;
  }

  /** @internal */
  receive(frame) {
    if (!this.joined) return; // it means one that was left, whose name this one has
    switch (frame.op) {
      case "event":
        if (frame.offset === undefined) {
          this.#hub.noteLive(this);
        } else {
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

function encodeInfo(info) {
  const text = encode(info, valueDepth);
  if (byteLength(text) > infoBytes) throw new HubbubError("too_large", `\`info\` has more than ${infoBytes} bytes`);
  return text;
}
