import { HubbubError, transient } from "./base.js";
import { encode } from "./frame.js";

/**
 * Publishes that wait for their confirmation, in their order. One whose answer is lost may be in the log: it is sent
 * again with its `event_id` where and as long as the server recognises a copy, and given up otherwise.
 */
export class Outbox {
  #most;
  #repeatWithinMs;
  #wake;
  #entries = [];
  /** Namespaces that are known to be live: there a copy is another event. */
  #live = new Set();

  /** `wake` is called when `send` may have something to do. */
  constructor({ outboxMax, repeatWithinMs }, wake) {
    this.#most = outboxMax;
    this.#repeatWithinMs = repeatWithinMs;
    this.#wake = wake;
  }

  /** `fields` of a `publish`; `retry: false`: it is worth nothing on a later connection. Resolves with the `ok`. */
  add(fields, retry) {
    if (this.#entries.length >= this.#most)
      return Promise.reject(new HubbubError("overloaded", "too many publishes wait for their confirmation"));
    return new Promise((resolve, reject) => {
      const entry = {
        body: encode(fields), space: spaceOf(fields.room), eventId: fields.event_id, retry, resolve, reject,
        sent: false, sentAt: 0, pausedUntil: 0,
        /** When it was sent first of those times whose outcome is not known, and why it is not. */
        doubtfulSince: null, doubt: null,
      };
      this.#entries.push(entry);
      this.#wake();
    });
  }

  /** Notes that the server de-duplicates nothing in the namespace of `room`. */
  noteLive(room) {
    this.#live.add(spaceOf(room));
  }

  /** Sends what waits, until `most` have no answer. */
  send(connection, most) {
    let sent = this.#entries.filter((entry) => entry.sent).length;
    for (const entry of [...this.#entries]) {
      if (sent >= most || !connection.isOpen) return;
      if (entry.sent || entry.pausedUntil > Date.now()) continue;
      const why = this.#mayNotRepeat(entry);
      if (why) {
        this.#reject(entry, new HubbubError(entry.doubt.code, `${entry.doubt.message}: ${why}`));
        continue;
      }
      entry.sent = true;
      entry.sentAt = Date.now();
      sent += 1;
      connection.command("publish", entry.body, (ok) => this.#confirmed(entry, ok), (error) => this.#refused(entry, error));
    }
  }

  /** The connection is gone, and what waited for an answer was told so. */
  lost() {
    for (const entry of this.#entries.filter((e) => !e.retry))
      this.#reject(entry, new HubbubError("offline", "the connection was lost"));
  }

  /** There will be no other connection. */
  end({ code, message }) {
    for (const entry of [...this.#entries]) this.#reject(entry, new HubbubError(code, message));
  }

  #confirmed(entry, ok) {
    if (ok.offset === undefined && !ok.accepted) this.#live.add(entry.space);
    this.#remove(entry);
    entry.resolve(ok);
    this.#wake();
  }

  #refused(entry, error) {
    entry.sent = false;
    const passes = error.code === "offline" || transient.has(error.code);
    if (passes && error.outcome !== "not_stored" && error.code !== "rate_limited") {
      entry.doubtfulSince ??= entry.sentAt;
      entry.doubt = error;
    }
    if (!entry.retry || !passes || this.#mayNotRepeat(entry)) {
      this.#reject(entry, error);
      return this.#wake();
    }
    if (error.code === "offline") return; // sent again by the next connection
    const pause = error.retryAfterMs || 1000;
    entry.pausedUntil = Date.now() + pause;
    setTimeout(this.#wake, pause + 1);
  }

  /** Null: it may be sent. */
  #mayNotRepeat({ doubtfulSince, space }) {
    if (doubtfulSince === null) return null;
    if (this.#live.has(space)) return "it may be there, and a live room would tell it twice";
    if (Date.now() - doubtfulSince >= this.#repeatWithinMs) return "it may be there, and was sent too long ago to be recognised";
    return null;
  }

  #reject(entry, error) {
    this.#remove(entry);
    error.eventId = entry.eventId;
    error.outcome = entry.doubtfulSince !== null ? "unknown" : "not_stored";
    entry.reject(error);
  }

  #remove(entry) {
    this.#entries = this.#entries.filter((other) => other !== entry);
  }
}

/** An event's name, by which a copy of it is recognised. */
export function newId() {
  const { crypto } = globalThis;
  if (crypto?.randomUUID) return crypto.randomUUID();
  // Pages without TLS lack the one above, Node 18 lacks both; an id only has to differ from others.
  const bytes = crypto?.getRandomValues(new Uint8Array(16)) ?? Array.from({ length: 16 }, () => Math.random() * 256 | 0);
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

/** The namespace, which decides whether a room is live. */
function spaceOf(room) {
  return String(room).split(".", 1)[0];
}
