/** Why the server, or this client, refused something. `code` is the protocol's, or "offline" or "closed". */
export class HubbubError extends Error {
  constructor(code, message, details = {}) {
    super(message || code);
    this.name = "HubbubError";
    this.code = code;
    Object.assign(this, details); // retryAfterMs, eventId, outcome, cause
  }
}

/** Refusals after which the same command may succeed a little later. */
export const transient = new Set(["unavailable", "overloaded", "rate_limited", "timeout", "internal"]);

/** Listeners by name. */
export class Emitter {
  #listeners = new Map();

  /** Calls `listener` at each `name`; returns a function that ends it. */
  on(name, listener) {
    if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
    this.#listeners.get(name).add(listener);
    return () => this.#listeners.get(name).delete(listener);
  }

  emit(name, value) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => { throw error; }); // a listener's mistake must not stop the client
      }
    }
  }
}
