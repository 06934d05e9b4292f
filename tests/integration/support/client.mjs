// A client of the JSON protocol. It keeps all it is told, and waits for nothing without an end.

import WebSocket from "ws";
import { within } from "./server.mjs";

const patience = 10_000;

/** The handshake was answered by something else than an upgrade. */
export class Refused extends Error {
  constructor(status, headers, text) {
    super(`the handshake was answered by ${status}: ${text}`);
    Object.assign(this, { status, headers, text });
  }
  get json() { return JSON.parse(this.text); }
}

class Client {
  /** All that came, in order; `close` is what ended it: `{code, reason}`. */
  messages = [];
  close_ = null;
  #asked = new Map();
  #waiting = new Set();
  #next = 1;

  constructor(socket, answersPings) {
    this.socket = socket;
    this.answersPings = answersPings;
    socket.on("message", (data, binary) => this.#take(binary ? { binary: data } : JSON.parse(data.toString())));
    socket.on("error", () => {}); // a close follows
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        this.close_ = { code, reason: reason.toString() };
        resolve(this.close_);
        const error = new Error(`closed with ${code} ${reason}`);
        for (const { reject } of this.#asked.values()) reject(error);
        for (const wait of this.#waiting) wait.reject(error);
        this.#asked.clear();
        this.#waiting.clear();
      });
    });
  }

  get welcome() { return this.messages.find((m) => m.op === "welcome"); }
  get events() { return this.messages.filter((m) => m.op === "event"); }
  of(op) { return this.messages.filter((m) => m.op === op); }
  get isOpen() { return this.close_ === null && this.socket.readyState === WebSocket.OPEN; }

  #take(message) {
    this.messages.push(message);
    if (message.op === "ping" && this.answersPings) this.send('{"op":"pong"}');
    const asked = this.#asked.get(message.id);
    if (asked && (message.op === "ok" || message.op === "error")) {
      this.#asked.delete(message.id);
      asked.resolve(message);
    }
    for (const wait of [...this.#waiting]) {
      if (!wait.predicate(message)) continue;
      this.#waiting.delete(wait);
      wait.resolve(message);
    }
  }

  /** Sends a command, with an `id` if it has none; resolves with its `ok` or `error`. */
  ask(command, ms = patience) {
    const id = command.id ?? this.#next++;
    const text = JSON.stringify({ id, ...command });
    const answer = new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject }));
    answer.catch(() => {});
    if (this.close_) this.#asked.get(id).reject(new Error(`closed with ${this.close_.code}`));
    else this.send(text);
    return within(ms, answer, `an answer to ${text.slice(0, 200)}`);
  }

  /** As `ask`; an `error` is thrown. */
  async must(command, ms) {
    const answer = await this.ask(command, ms);
    if (answer.op !== "ok") throw new Error(`${command.op}: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Sends text or bytes as they are. */
  send(data, options) { this.socket.send(data, options ?? {}, () => {}); }

  /** The first message, past ones too, for which `predicate` is true. */
  waitFor(predicate, ms = patience, what = String(predicate)) {
    const past = this.messages.find(predicate);
    if (past) return Promise.resolve(past);
    return this.next(predicate, ms, what);
  }

  /** As `waitFor`, but only of those that are yet to come. */
  next(predicate, ms = patience, what = String(predicate)) {
    if (this.close_) return Promise.reject(new Error(`closed with ${this.close_.code}, no ${what}`));
    let wait;
    const found = new Promise((resolve, reject) => { wait = { predicate, resolve, reject }; });
    found.catch(() => {});
    this.#waiting.add(wait);
    return within(ms, found, what).finally(() => this.#waiting.delete(wait));
  }

  /** Waits for the end: `{code, reason}`. */
  ended(ms = patience) { return within(ms, this.closed, "the end of the connection"); }

  /** Closes as one should, and waits for the end. */
  async leave() {
    this.socket.close();
    return this.ended();
  }

  /** Ends at once, without a word. */
  cut() { this.socket.terminate(); }
}

/**
 * Connects to `server` (of server.mjs), and waits for `welcome` unless `welcome: false`. It answers
 * pings unless `answersPings: false`. With `t` it ends with the test. Throws `Refused` when the handshake is.
 */
export async function connect(server, {
  t, token, headers = {}, protocols = ["hubbub.v1.json"], perMessageDeflate = false, path = "/v1/ws",
  welcome = true, answersPings = true, ms = patience, ...options
} = {}) {
  if (token !== undefined) headers = { ...headers, authorization: `Bearer ${token}` };
  const socket = new WebSocket(server.url.replace(/^http/, "ws") + path, protocols, {
    headers, perMessageDeflate, handshakeTimeout: ms, followRedirects: false, ...options,
  });
  const client = new Client(socket, answersPings);
  t?.after(() => client.cut());
  const opened = new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
    socket.once("unexpected-response", (_, response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => { text += part; });
      response.once("error", reject);
      response.once("end", () => reject(new Refused(response.statusCode, response.headers, text)));
      response.once("end", () => socket.terminate());
    });
  });
  try {
    await within(ms, opened, "the WebSocket's opening");
    if (welcome) await client.waitFor((m) => m.op === "welcome", ms);
  } catch (error) {
    client.cut();
    throw error;
  }
  return client;
}

/** The `Refused` with which the handshake is answered; it is an error when it is not. */
export async function refusal(server, options) {
  try {
    (await connect(server, options)).cut();
  } catch (error) {
    if (error instanceof Refused) return error;
    throw error;
  }
  throw new Error("the handshake was not refused");
}
