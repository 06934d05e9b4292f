// A client for hubbub's native protocol (hubbub.v1.json). No dependencies; browsers, and any
// JavaScript with a WebSocket. See README.md beside this file.

import { Emitter, HubbubError, transient } from "./base.js";
import { Room } from "./room.js";

export { HubbubError, Room };

const defaults = {
  /** A string, or a function that returns one or a promise of one; asked before each connection. */
  token: undefined,
  /** The first pause before a reconnect is drawn from 0 to `backoffMs`; the bound doubles up to `backoffMaxMs`. */
  backoffMs: 500,
  backoffMaxMs: 20_000,
  /** A connection that is not open after this long is given up. */
  openWithinMs: 10_000,
  /** Publishes that may wait for their confirmation. */
  outboxMax: 200,
  WebSocket: globalThis.WebSocket,
};

/**
 * A connection that stays: it reconnects, joins its rooms again from where they were, and sends again
 * what was not confirmed. `state` is "connecting", "online", "waiting" (until `retryAt`) or "closed";
 * each change is emitted as "state".
 */
export class Hubbub extends Emitter {
  #url;
  #options;
  #socket = null;
  #ids = 0;
  #requests = new Map();
  #outbox = [];
  #rooms = new Map();
  #attempts = 0;
  #goodbye = null;
  #pinged = false;
  #timers = {};
  /** What the server gave to go on with this session; null: none. */
  #ticket = null;
  /** How this connection says who it is: "token", or the ticket in the "handshake" or in the first "frame". */
  #shows = "token";
  /** The server has said `welcome` on this connection. */
  #welcomed = false;

  constructor(url, options = {}) {
    super();
    this.#url = String(url).replace(/^http/, "ws");
    this.#options = { ...defaults, ...options };
    this.state = "connecting";
    this.retryAt = null;
    /** The server's last `welcome`. */
    this.welcome = null;
    /** The server's last `goodbye`, or the error that ended everything. */
    this.reason = null;
    globalThis.addEventListener?.("online", this.#networkIsBack);
    this.#open();
  }

  /**
   * `history`: the last n events at first; `presence`: who is here; `info`: shown to others; `since`: a kept
   * position; `recover: false`: after a reconnect only what is new, as live rooms have no more.
   */
  join(name, options = {}) {
    if (this.#rooms.has(name)) return this.#rooms.get(name);
    const room = new Room(this, name, { ...options });
    this.#rooms.set(name, room);
    if (this.state === "online") room.enter();
    return room;
  }

  leave(room) {
    this.#rooms.delete(room.name);
    room.lost();
    return this.state === "online" ? this.request("leave", { room: room.name }) : Promise.resolve();
  }

  /** `eventId` (made up when left out) is what a repeated publish is recognised by. */
  publish(room, type, data, { key, echo, eventId = newId(), retry = true } = {}) {
    if (this.state === "closed") return Promise.reject(new HubbubError("closed", "the connection was closed for good"));
    if (!retry && this.state !== "online") return Promise.reject(new HubbubError("offline", "not connected"));
    if (this.#outbox.length >= this.#options.outboxMax)
      return Promise.reject(new HubbubError("overloaded", "too many publishes wait for their confirmation"));
    return new Promise((resolve, reject) => {
      const fields = { room, type, data, key, echo, event_id: eventId };
      this.#outbox.push({ fields, retry, sent: false, resolve, reject });
      this.#flush();
    });
  }

  /** Sends one command; resolves with its `ok`. Lost with the connection. */
  request(op, fields = {}) {
    return new Promise((resolve, reject) => this.command(op, fields, resolve, reject));
  }

  /** @internal Calls `done` or `refused` in the frame's place among the others, which a promise would not. */
  command(op, fields, done, refused) {
    if (this.#socket?.readyState !== 1) return refused(new HubbubError("offline", "not connected"));
    const id = ++this.#ids;
    this.#requests.set(id, { done, refused });
    this.#socket.send(JSON.stringify({ op, id, ...fields }));
  }

  /** Does not wait for the next attempt any longer. */
  retry() {
    if (this.state === "waiting") this.#open();
  }

  #networkIsBack = () => this.retry();

  /** Ends the connection for good. */
  close() {
    this.#end(new HubbubError("closed", "closed by this client"));
  }

  /** @internal */
  reenter(room) {
    if (this.state === "online" && this.#rooms.get(room.name) === room && !room.joined) room.enter();
  }

  async #open() {
    clearTimeout(this.#timers.retry);
    this.#become("connecting");
    this.#goodbye = null;
    this.#pinged = false;
    this.#welcomed = false;
    const protocols = ["hubbub.v1.json"];
    // In the handshake a ticket costs the server least, but why that fails no browser tells: the attempt after
    // one that failed shows it in the first frame, where a refusal has a name.
    this.#shows = !this.#ticket ? "token" : this.#shows === "handshake" && this.#attempts > 0 ? "frame" : "handshake";
    if (this.#shows === "handshake") protocols.push(`ticket.${this.#ticket}`);
    if (this.#shows === "token") {
      try {
        const value = await this.#token();
        if (value) protocols.push(`bearer.${value}`);
      } catch (error) {
        return this.#wait(error);
      }
    }
    if (this.state !== "connecting") return;
    const socket = new this.#options.WebSocket(this.#url, protocols);
    this.#socket = socket;
    this.#timers.open = setTimeout(() => this.#lost(socket), this.#options.openWithinMs);
    socket.onopen = () => {
      if (this.#socket === socket && this.#shows === "frame") this.#resume(this.#ticket);
    };
    socket.onmessage = (message) => {
      if (this.#socket !== socket) return;
      const frames = JSON.parse(message.data);
      for (const frame of Array.isArray(frames) ? frames : [frames]) this.#receive(frame);
      if (this.#socket === socket) this.#watch();
    };
    socket.onclose = (event) => this.#lost(socket, event);
    socket.onerror = () => {}; // `close` follows
  }

  #receive(frame) {
    switch (frame.op) {
      case "welcome":
        this.welcome = frame;
        this.#welcomed = true;
        this.reason = null;
        if (this.#shows === "frame") return; // who that is shows in the answer to `resume`
        this.#ticket = frame.ticket;
        return this.#shows === "handshake" ? this.#resume() : this.#online();
      case "ticket":
        this.#ticket = frame.ticket;
        return;
      case "ok":
      case "error": {
        const waiting = this.#requests.get(frame.id);
        this.#requests.delete(frame.id);
        if (frame.op === "ok") return waiting?.done(frame);
        const error = new HubbubError(frame.code, frame.message, {
          retryAfterMs: frame.retry_after_ms, eventId: frame.event_id, outcome: frame.outcome,
        });
        return waiting ? waiting.refused(error) : this.emit("error", error);
      }
      case "ping":
        this.#pinged = true;
        return this.#socket.send('{"op":"pong"}');
      case "goodbye":
        this.#goodbye = frame;
        return;
      case "expiring":
        return this.#refresh();
      default:
        return this.#rooms.get(frame.room)?.receive(frame);
    }
  }

  /** `resumed`: the names of rooms that are joined already, or will be by themselves. */
  #online(resumed = new Set()) {
    clearTimeout(this.#timers.open);
    clearTimeout(this.#timers.settled);
    // Only a connection that lasts makes the next pause short again.
    this.#timers.settled = setTimeout(() => { this.#attempts = 0; }, 5000);
    this.#become("online");
    for (const room of this.#rooms.values()) if (!resumed.has(room.name)) room.enter();
    this.#flush();
  }

  /** Goes on with the session: one frame for all rooms that have a position. */
  #resume(ticket) {
    const rooms = {};
    for (const room of this.#rooms.values()) {
      const place = room.place();
      if (place) rooms[room.name] = place;
    }
    if (!ticket && Object.keys(rooms).length === 0) return this.#online();
    const done = (ok) => {
      this.#ticket = this.welcome?.ticket ?? null;
      const resumed = new Set();
      for (const [name, outcome] of Object.entries(ok.rooms)) {
        const room = this.#rooms.get(name);
        if (room?.resumed(outcome)) resumed.add(name);
        else if (!room && !outcome.error) this.command("leave", { room: name }, () => {}, () => {}); // left meanwhile
      }
      this.#online(resumed);
    };
    this.command("resume", { ticket, rooms }, done, (error) => {
      if (error.code === "offline") return;
      this.#ticket = null;
      this.#authenticate();
    });
  }

  /** The ticket was of no use: shows the token on the same connection. */
  async #authenticate() {
    const socket = this.#socket;
    try {
      const token = await this.#token();
      if (this.#socket !== socket) return;
      if (!token && !this.#welcomed) throw new HubbubError("unauthorized", "the ticket is refused, and there is no token");
      const ticket = token ? (await this.request("auth", { token })).ticket : this.welcome.ticket;
      if (this.#socket !== socket) return;
      this.#ticket = ticket;
      this.#online();
    } catch (error) {
      if (this.#socket !== socket) return;
      this.#drop();
      this.#wait(error);
    }
  }

  #token() {
    const { token } = this.#options;
    return typeof token === "function" ? token() : token;
  }

  async #refresh() {
    if (typeof this.#options.token !== "function") return;
    try {
      this.#ticket = (await this.request("auth", { token: await this.#token() })).ticket;
    } catch (error) {
      this.emit("error", error);
    }
  }

  /** A server that has sent pings and then nothing for two of their intervals is gone. */
  #watch() {
    clearTimeout(this.#timers.silence);
    const socket = this.#socket;
    const interval = this.welcome?.ping_ms;
    if (this.#pinged && interval) this.#timers.silence = setTimeout(() => this.#lost(socket), 2 * interval + 5000);
  }

  #flush() {
    const most = Math.max(1, Math.floor((this.welcome?.limits?.commands_in_flight ?? 16) / 2));
    let sent = this.#outbox.filter((entry) => entry.sent).length;
    for (const entry of [...this.#outbox]) {
      if (this.state !== "online" || this.#socket?.readyState !== 1 || sent >= most) return;
      if (entry.sent || entry.pausedUntil > Date.now()) continue;
      entry.sent = true;
      sent += 1;
      const confirmed = (ok) => this.#settle(entry, () => entry.resolve(ok));
      this.command("publish", entry.fields, confirmed, (error) => this.#refused(entry, error));
    }
  }

  #refused(entry, error) {
    entry.sent = false;
    if (!entry.retry || !(transient.has(error.code) || error.code === "offline"))
      return this.#settle(entry, () => entry.reject(error));
    if (error.code === "offline") return; // sent again by the next connection
    const pause = error.retryAfterMs || 1000;
    entry.pausedUntil = Date.now() + pause;
    setTimeout(() => this.#flush(), pause + 1);
  }

  #settle(entry, tell) {
    this.#outbox = this.#outbox.filter((other) => other !== entry);
    tell();
    this.#flush();
  }

  #lost(socket, event) {
    if (this.#socket !== socket) return;
    this.#drop();
    const goodbye = this.#goodbye;
    const code = goodbye?.code ?? event?.code;
    if (code === 4105) this.#ticket = null; // it ended with the token
    if (goodbye ? !goodbye.reconnect : code >= 4000 && code < 4100)
      return this.#end(new HubbubError("closed", goodbye?.reason || event?.reason || `closed with ${code}`));
    this.#wait(goodbye);
  }

  #wait(reason) {
    const { backoffMs, backoffMaxMs } = this.#options;
    const bound = Math.min(backoffMaxMs, backoffMs * 2 ** this.#attempts++);
    const pause = Math.max(Math.random() * bound, reason?.retry_after_ms ?? 0);
    this.reason = reason;
    this.retryAt = Date.now() + pause;
    this.#timers.retry = setTimeout(() => this.#open(), pause);
    this.#become("waiting");
  }

  #drop() {
    for (const name of ["open", "silence", "settled", "retry"]) clearTimeout(this.#timers[name]);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    for (const room of this.#rooms.values()) room.lost();
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const { refused } of requests) refused(new HubbubError("offline", "the connection was lost"));
  }

  #end(reason) {
    this.#drop();
    globalThis.removeEventListener?.("online", this.#networkIsBack);
    this.reason = reason;
    this.#become("closed");
    for (const { reject } of this.#outbox.splice(0)) reject(reason);
  }

  #become(state) {
    if (state !== "waiting") this.retryAt = null;
    if (this.state === state && state !== "waiting") return;
    this.state = state;
    this.emit("state", state);
  }
}

/** Connects to a broker: `ws://…/v1/ws` or `http://…/v1/ws`. */
export function connect(url, options) {
  return new Hubbub(url, options);
}

function newId() {
  const { crypto } = globalThis;
  if (crypto?.randomUUID) return crypto.randomUUID();
  // Pages without TLS lack the one above, Node 18 lacks both; an id only has to differ from others.
  const bytes = crypto?.getRandomValues(new Uint8Array(16)) ?? Array.from({ length: 16 }, () => Math.random() * 256 | 0);
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}
