import { HubbubError } from "./base.js";
import { byteLength } from "./frame.js";

// A server that has to say something, an answer or a ping, is given two intervals of its pings, and this.
const graceMs = 5000;

/** One WebSocket, and the commands that wait for their answers on it. */
export class Connection {
  /** The server's farewell, once it has said it. */
  goodbye = null;
  /** The largest message that the server takes, in bytes. */
  messageBytes = Infinity;
  /** How often the server pings; 0: it has not said so. */
  pingMs = 0;
  #socket;
  #handler;
  #over = false;
  #ids = 0;
  #requests = new Map();
  #unnamed = [];
  #pinged = false;
  #silence = null;

  /**
   * `handler`: `opened()`; `told(frame)` for what is no answer; `failed(error)` for a refusal that names no command;
   * `lost(event)` when the other side has ended it or is gone. Nothing is called after `close`.
   */
  constructor(socket, handler) {
    this.#socket = socket;
    this.#handler = handler;
    socket.onopen = () => { if (!this.#over) handler.opened(); };
    socket.onmessage = (message) => this.#take(message.data);
    socket.onclose = (event) => { if (!this.#over) handler.lost(event); };
    socket.onerror = () => {}; // `close` follows
  }

  get isOpen() {
    return !this.#over && this.#socket.readyState === 1;
  }

  /** `body`: the command's members but `op` and `id`, as `encode` gives them. One of `done` and `refused` is called later. */
  command(op, body, done, refused) {
    const id = this.#ids + 1;
    const text = `{"op":${JSON.stringify(op)},"id":${id}${body === "{}" ? "}" : `,${body.slice(1)}`}`;
    const wrong = this.#wrong(text);
    if (wrong) return queueMicrotask(() => refused(wrong));
    this.#ids = id;
    this.#requests.set(id, { done, refused });
    this.#socket.send(text);
    this.#watch();
  }

  #wrong(text) {
    if (!this.isOpen) return new HubbubError("offline", "not connected");
    // A UTF-16 unit has at most three bytes, so that most need not be counted.
    if (text.length * 3 <= this.messageBytes || byteLength(text) <= this.messageBytes) return null;
    return new HubbubError("too_large", `the message has more than ${this.messageBytes} bytes`);
  }

  /** Ends it; what waits for an answer is refused as `offline`. */
  close() {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#silence);
    this.#socket.close();
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const { refused } of requests) refused(new HubbubError("offline", "the connection was lost"));
  }

  #take(data) {
    clearTimeout(this.#silence);
    this.#silence = null;
    const frames = JSON.parse(data);
    for (const frame of Array.isArray(frames) ? frames : [frames]) {
      if (this.#over) return;
      this.#receive(frame);
    }
    if (!this.#over) this.#watch();
  }

  #receive(frame) {
    switch (frame.op) {
      case "ok": {
        const request = this.#takeRequest(frame.id);
        this.#giveUnnamed();
        return request?.done(frame);
      }
      case "error":
        return this.#refuse(frame);
      case "ping":
        this.#pinged = true;
        return this.#socket.send('{"op":"pong"}');
      case "goodbye":
        this.goodbye = frame;
        return;
      default:
        return this.#handler.told(frame);
    }
  }

  #takeRequest(id) {
    const request = this.#requests.get(id);
    this.#requests.delete(id);
    return request;
  }

  #refuse(frame) {
    const error = new HubbubError(frame.code, frame.message, {
      retryAfterMs: frame.retry_after_ms, eventId: frame.event_id, outcome: frame.outcome,
    });
    const request = this.#takeRequest(frame.id);
    if (frame.id === undefined) this.#unnamed.push(error);
    this.#giveUnnamed();
    request?.refused(error);
    if (this.#unnamed.includes(error)) this.#handler.failed(error);
  }

  // Each command has one answer: when no more wait than were refused without a name, these are they.
  #giveUnnamed() {
    if (this.#unnamed.length < this.#requests.size) return;
    const errors = this.#unnamed.splice(0);
    for (const id of [...this.#requests.keys()]) this.#takeRequest(id).refused(errors.shift());
    for (const error of errors) this.#handler.failed(error);
  }

  #watch() {
    if (this.#silence !== null || !this.pingMs || !(this.#pinged || this.#requests.size > 0)) return;
    this.#silence = setTimeout(() => this.#handler.lost(), 2 * this.pingMs + graceMs);
  }
}
