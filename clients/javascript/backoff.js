// Only a connection that lasts makes the next wait short again.
const lastsAfterMs = 5000;
const longestMs = 2 ** 31 - 1; // that a timer can wait

/** The waits between attempts: exponential, with full jitter, and never shorter than the server asks for. */
export class Backoff {
  #firstMs;
  #mostMs;
  #go;
  #attempts = 0;
  #notBefore = 0;
  #timer;

  /** `go` is called at the end of each wait. */
  constructor({ backoffMs, backoffMaxMs }, go) {
    this.#firstMs = backoffMs;
    this.#mostMs = backoffMaxMs;
    this.#go = go;
  }

  /** Begins to wait, at least `leastMs`; returns until when (ms since 1970). */
  wait(leastMs) {
    const bound = Math.min(this.#mostMs, this.#firstMs * 2 ** this.#attempts);
    this.#attempts += 1;
    this.#notBefore = Date.now() + leastMs;
    return this.#waitFor(Math.max(Math.random() * bound, leastMs));
  }

  /** Waits no longer than the server has asked for; returns until when, or null: it is over. */
  hurry() {
    const left = this.#notBefore - Date.now();
    if (left > 0) return this.#waitFor(left);
    this.stop();
    this.#go();
    return null;
  }

  /** There is a connection. */
  connected() {
    this.stop();
    this.#timer = setTimeout(() => { this.#attempts = 0; }, lastsAfterMs);
  }

  /** Neither waits nor counts a connection as lasting. */
  stop() {
    clearTimeout(this.#timer);
  }

  #waitFor(ms) {
    this.stop();
    this.#timer = setTimeout(this.#go, Math.min(ms, longestMs));
    return Date.now() + ms;
  }
}
