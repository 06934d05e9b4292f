// A client for hubbub's native protocol (hubbub.v1.json). No dependencies; browsers, and any
// JavaScript with a WebSocket. See README.md beside this file.

import { Backoff } from "./backoff.js";
import { Emitter, HubbubError } from "./base.js";
import { Connection } from "./connection.js";
import { encode } from "./frame.js";
import { Outbox, newId } from "./outbox.js";
import { resumption } from "./resumption.js";
import { Room } from "./room.js";

export { HubbubError, Room };

const defaults = {
  /** A string, or a function that returns one or a promise of one; asked before each connection. */
  token: undefined,
  /** The first pause before a reconnect is drawn from 0 to `backoffMs`; the bound doubles up to `backoffMaxMs`. */
  backoffMs: 500,
  backoffMaxMs: 20_000,
  /** A connection that is not open after this long, with the time that the token takes, is given up. */
  openWithinMs: 10_000,
  /** Publishes that may wait for their confirmation. */
  outboxMax: 200,
  /**
   * A publish that may be in the log already is sent again for so long. Less than the namespace's `dedup_window` (2 min
   * unless the server says otherwise), beyond which a copy is another event.
   */
  repeatWithinMs: 100_000,
  WebSocket: globalThis.WebSocket,
};

/** Refusals of a `leave` after which one is not in the room either. */
const notIn = new Set(["offline", "not_joined", "bad_room"]);

/** Refusals of a token after which the same one is refused again. */
const refusesToken = new Set(["unauthorized", "expired"]);

// What a message may have beside a payload (docs/protocol.md, "Limits").
const envelopeBytes = 65_536;

/**
 * A connection that stays: it reconnects, joins its rooms again from where they were, and sends again
 * what was not confirmed. `state` is "connecting", "online", "waiting" (until `retryAt`) or "closed";
 * each change is emitted as "state".
 */
export class Hubbub extends Emitter {
  #url;
  #options;
  /** This attempt to be online, from the token on; null while there is none. */
  #attempt = null;
  #openTimer;
  #connection = null;
  #backoff;
  #outbox;
  #rooms = new Map();
  /** What the server gave to go on with this session; null: none. */
  #ticket = null;
  /** What this attempt says who it is with: "token", "ticket" or "nothing". */
  #shows = "nothing";
  /** It is shown in the first frame, not in the handshake. */
  #inFrame = false;
  /** The last attempt's handshake showed a token or a ticket and failed without a word, or its token was refused. */
  #unexplained = false;
  /** The server has said `welcome` in this attempt. */
  #welcomed = false;

  constructor(url, options = {}) {
    super();
    this.#url = String(url).replace(/^http/, "ws");
    this.#options = { ...defaults, ...options };
    this.#backoff = new Backoff(this.#options, () => this.#open());
    this.#outbox = new Outbox(this.#options, () => this.#flush());
    this.state = "connecting";
    this.retryAt = null;
    /** The server's last `welcome`. */
    this.welcome = null;
    /** The server's last `goodbye`, or the error that ended the last attempt or everything. */
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
    const current = this.#rooms.get(room.name);
    if (current && current !== room) return Promise.resolve(); // left before, and joined anew
    this.#rooms.delete(room.name);
    if (!room.left()) return Promise.resolve();
    return this.request("leave", { room: room.name }).catch((error) => {
      if (!notIn.has(error.code)) throw error;
    });
  }

  /** `eventId` (made up when left out) is what a repeated publish is recognised by. */
  publish(room, type, data, { key, echo, eventId = newId(), retry = true } = {}) {
    if (this.state === "closed") return Promise.reject(new HubbubError("closed", "the connection was closed for good"));
    if (!retry && this.state !== "online") return Promise.reject(new HubbubError("offline", "not connected"));
    return this.#outbox.add({ room, type, data, key, echo, event_id: eventId }, retry);
  }

  /** Sends one command; resolves with its `ok`. Lost with the connection. */
  request(op, fields = {}) {
    return new Promise((resolve, reject) => this.command(op, fields, resolve, reject));
  }

  /** @internal Calls `done` or `refused` in the frame's place among the others, which a promise would not. */
  command(op, fields, done, refused) {
    const refuse = (error) => queueMicrotask(() => refused(error));
    if (!this.#connection) return refuse(new HubbubError("offline", "not connected"));
    try {
      this.#connection.command(op, encode(fields), done, refused);
    } catch (error) {
      refuse(error);
    }
  }

  /** Waits for the next attempt no longer than the server has asked for. */
  retry() {
    if (this.state !== "waiting") return;
    const until = this.#backoff.hurry();
    if (until === null) return;
    this.retryAt = until;
    this.#become("waiting");
  }

  #networkIsBack = () => this.retry();

  /** Ends the connection for good. */
  close() {
    this.#end(new HubbubError("closed", "closed by this client"));
  }

  /** @internal */
  reenter(room) {
    if (this.state === "online" && this.#rooms.get(room.name) === room) room.enter();
  }

  /** @internal */
  noteLive(room) {
    this.#outbox.noteLive(room.name);
  }

  async #open() {
    const attempt = {};
    this.#attempt = attempt;
    this.#backoff.stop();
    this.#welcomed = false;
    const ticket = this.#ticket;
    this.#openTimer = setTimeout(() => {
      this.#lost(null, new HubbubError("timeout", `not connected within ${this.#options.openWithinMs} ms`));
    }, this.#options.openWithinMs);
    this.#become("connecting");
    if (this.#attempt !== attempt) return;
    try {
      const token = ticket ? null : await this.#token();
      if (this.#attempt !== attempt) return;
      this.#shows = ticket ? "ticket" : token ? "token" : "nothing";
      // In the handshake a ticket costs the server least, and goes first where many come. But why that fails no browser
      // tells: the attempt after such a one shows what it has in the first frame, where a refusal has a name.
      this.#inFrame = this.#unexplained && this.#shows !== "nothing";
      const protocols = ["hubbub.v1.json"];
      if (!this.#inFrame && ticket) protocols.push(`ticket.${ticket}`);
      if (!this.#inFrame && token) protocols.push(`bearer.${token}`);
      this.#connect(new this.#options.WebSocket(this.#url, protocols), token);
    } catch (error) {
      if (this.#attempt === attempt) this.#wait(error);
    }
  }

  #connect(socket, token) {
    const mine = (react) => (what) => { if (this.#connection === connection) react(what); };
    const connection = new Connection(socket, {
      opened: mine(() => {
        if (!this.#inFrame) return;
        if (token) this.#authenticate(token);
        else this.#resume(this.#ticket);
      }),
      told: mine((frame) => this.#told(frame)),
      failed: mine((error) => this.emit("error", error)),
      lost: mine((event) => this.#lost(event)),
    });
    this.#connection = connection;
    this.#mindLimits(); // a `resume` comes before `welcome`: those of the last one
  }

  #mindLimits() {
    const payload = this.welcome?.limits?.payload_bytes;
    this.#connection.messageBytes = payload === undefined ? Infinity : payload + envelopeBytes;
  }

  #told(frame) {
    switch (frame.op) {
      case "welcome":
        this.welcome = frame;
        this.#welcomed = true;
        this.reason = null;
        this.#connection.pingMs = frame.ping_ms ?? 0;
        this.#mindLimits();
        if (this.#inFrame) return; // who that is shows in the answer to `resume` or `auth`
        this.#ticket = frame.ticket;
        return this.#shows === "ticket" ? this.#resume() : this.#online();
      case "ticket":
        this.#ticket = frame.ticket;
        return;
      case "expiring":
        return this.#refresh();
      default:
        return this.#rooms.get(frame.room)?.receive(frame);
    }
  }

  /** `resumed`: rooms that are joined already, or will be by themselves. */
  #online(resumed = new Set()) {
    if (!this.#connection) return; // a listener has closed it
    clearTimeout(this.#openTimer);
    this.#backoff.connected();
    this.#become("online");
    for (const room of this.#rooms.values()) if (this.state === "online" && !resumed.has(room)) room.enter();
    this.#flush();
  }

  /** Goes on with the session: one frame for the rooms that have a position. */
  #resume(ticket) {
    const { messageBytes } = this.#connection;
    const mostRooms = this.welcome?.limits?.rooms ?? Infinity;
    const { body, named } = resumption(this.#rooms.values(), ticket, { messageBytes, mostRooms });
    if (!ticket && named.size === 0) return this.#online();
    const done = (ok) => {
      this.#ticket = this.welcome?.ticket ?? null;
      const resumed = new Set();
      for (const [name, outcome] of Object.entries(ok.rooms)) {
        const room = named.get(name);
        if (room && this.#rooms.get(name) === room) {
          if (room.resumed(outcome)) resumed.add(room);
        } else if (!outcome.error) {
          this.command("leave", { room: name }, () => {}, () => {}); // left meanwhile; one with its name is joined behind that
        }
      }
      this.#online(resumed);
    };
    this.#connection.command("resume", body, done, (error) => {
      if (error.code === "offline" || error.code === "too_many_connections") return; // goodbye follows, and the ticket is as good as before
      this.#ticket = null;
      this.#authenticate();
    });
  }

  /** Shows a token in a frame: the one that is `known`, or, where a ticket was of no use, another. */
  async #authenticate(known = null) {
    const attempt = this.#attempt;
    try {
      const token = known ?? await this.#token();
      if (this.#attempt !== attempt) return;
      if (!token && !this.#welcomed) throw new HubbubError("unauthorized", "the ticket is refused, and there is no token");
      if (token) await this.#auth(token);
      else this.#ticket = this.welcome.ticket;
      if (this.#attempt === attempt) this.#online();
    } catch (error) {
      if (this.#attempt !== attempt) return;
      this.#unexplained = refusesToken.has(error.code); // another token is shown in a frame, too, until one counts
      const { token } = this.#options;
      if (this.#unexplained && token && typeof token !== "function") return this.#end(error); // there is no other
      this.#wait(error);
    }
  }

  async #auth(token) {
    const { user, ticket } = await this.request("auth", { token });
    this.#ticket = ticket;
    this.welcome = { ...this.welcome, user }; // where anybody is welcome, `welcome` came before it was known who this is
  }

  /** Without the line break that a file or a shell leaves behind it. */
  async #token() {
    const { token } = this.#options;
    const value = await (typeof token === "function" ? token() : token);
    return value ? String(value).trim() : null;
  }

  async #refresh() {
    if (typeof this.#options.token !== "function") return;
    try {
      await this.#auth(await this.#token());
    } catch (error) {
      this.emit("error", error);
    }
  }

  #flush() {
    if (this.state !== "online" || !this.#connection) return;
    const most = Math.max(1, Math.floor((this.welcome?.limits?.commands_in_flight ?? 16) / 2));
    this.#outbox.send(this.#connection, most);
  }

  /** This attempt is over: by a close `event`, or after `error`. */
  #lost(event, error = null) {
    const goodbye = this.#connection?.goodbye;
    this.#unexplained = this.#connection !== null && this.#shows !== "nothing" && !this.#inFrame && !this.#welcomed && !goodbye;
    const code = goodbye?.code ?? event?.code;
    if (code === 4105) this.#ticket = null; // it ended with the token
    if (goodbye ? !goodbye.reconnect : code >= 4000 && code < 4100)
      return this.#end(new HubbubError("closed", goodbye?.reason || event?.reason || `closed with ${code}`));
    this.#wait(goodbye ?? error);
  }

  #wait(reason) {
    this.#drop();
    this.reason = reason;
    this.retryAt = this.#backoff.wait(reason?.retry_after_ms ?? reason?.retryAfterMs ?? 0);
    this.#become("waiting");
  }

  #drop() {
    clearTimeout(this.#openTimer);
    this.#backoff.stop();
    this.#attempt = null;
    const connection = this.#connection;
    this.#connection = null;
    for (const room of this.#rooms.values()) room.lost();
    connection?.close();
    this.#outbox.lost();
  }

  #end(reason) {
    if (this.state === "closed") return;
    this.#drop();
    globalThis.removeEventListener?.("online", this.#networkIsBack);
    this.reason = reason;
    this.#become("closed");
    this.#outbox.end(reason);
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
