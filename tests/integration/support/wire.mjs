// A WebSocket over a socket of our own: it can stop reading, sends pings when it likes, and looks at
// every byte that comes, so that a torn or interleaved frame is seen.

import { randomBytes } from "node:crypto";
import net from "node:net";
import tls from "node:tls";
import zlib from "node:zlib";

const opcodes = { text: 1, close: 8, ping: 9, pong: 10 };

/** The bytes of a client's frame. The mask is zero: the payload stands in it as it is. */
export function frame(opcode, payload) {
  const body = Buffer.from(payload);
  const long = body.length > 65_535 ? 8 : body.length > 125 ? 2 : 0;
  const head = Buffer.alloc(2 + long + 4);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (long === 8 ? 127 : long === 2 ? 126 : body.length);
  if (long === 8) head.writeBigUInt64BE(BigInt(body.length), 2);
  if (long === 2) head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, body]);
}

/** Polls `condition` until it holds; says what it waited for when it never does. */
export async function until(condition, what, milliseconds = 30_000) {
  const end = performance.now() + milliseconds;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${milliseconds} ms in vain: ${typeof what === "function" ? what() : what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/**
 * One connection. Calls `onEvent`, `onPush` (everything else without an id), `onPong` as they come;
 * what breaks the protocol ends up in `broken` and fails the next question. `within`: milliseconds that the
 * handshake may take. `onEnd` is called once, however it ends.
 */
export class Wire {
  static async open({ host = "127.0.0.1", port, secure = false, deflate = false, token, ticket, within, onEvent, onPush, onPong, onAnswer, onEnd, keep = true } = {}) {
    const wire = new Wire();
    wire.onEvent = onEvent;
    wire.onPush = onPush;
    wire.onPong = onPong;
    wire.onAnswer = onAnswer;
    wire.onEnd = onEnd;
    wire.keep = keep;
    const options = { host, port, noDelay: true };
    const socket = secure ? tls.connect({ ...options, rejectUnauthorized: false }) : net.connect(options);
    wire.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => wire.take(bytes));
    socket.on("error", (error) => wire.end(error));
    socket.on("close", () => wire.end());
    const late = within && setTimeout(() => wire.close(), within);
    await new Promise((resolve, reject) => {
      wire.ready = resolve;
      wire.failed = reject;
      const request = [
        "GET /v1/ws HTTP/1.1", `Host: ${host}:${port}`, "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Version: 13", `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
        `Sec-WebSocket-Protocol: hubbub.v1.json${ticket ? `, ticket.${ticket}` : ""}`,
      ];
      if (deflate) request.push("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover");
      if (token) request.push(`Authorization: Bearer ${token}`);
      socket.once(secure ? "secureConnect" : "connect", () => socket.write(`${request.join("\r\n")}\r\n\r\n`));
    }).finally(() => clearTimeout(late));
    return wire;
  }

  events = [];
  pushes = [];
  pongs = [];
  compressed = 0;
  bytes = 0;
  closed = false;
  closeCode = null;
  broken = null;
  #upgraded = false;
  #rest = Buffer.alloc(0);
  #parts = [];
  #size = 0;
  #ids = 0;
  #asked = new Map();

  /** The socket is really not read: the kernel's buffers fill. */
  pause() { this.socket.pause(); }
  resume() { this.socket.resume(); }

  /** Sends a command and resolves with its `ok`; rejects with the `error`. */
  ask(command) {
    return this.send(command)[0];
  }

  /** Sends commands as one message, in an array when they are several; the promises of their answers. */
  send(...commands) {
    if (this.broken) throw this.broken;
    const answers = commands.map((command) => {
      command.id = ++this.#ids;
      const answer = new Promise((resolve, reject) => this.#asked.set(command.id, { resolve, reject, op: command.op }));
      answer.catch(() => {}); // whoever looks at it later still sees it
      return answer;
    });
    this.text(JSON.stringify(commands.length === 1 ? commands[0] : commands));
    return answers;
  }

  text(text) { this.socket.write(frame(opcodes.text, text)); }
  ping(payload) { this.socket.write(frame(opcodes.ping, payload)); }

  /** Resolves when `n` events are there. */
  async gets(n, milliseconds) {
    await until(() => this.check() && this.events.length >= n, () => `${n} events, ${this.events.length} came`, milliseconds);
  }

  check() {
    if (this.broken) throw this.broken;
    return true;
  }

  close() {
    this.socket.destroy();
    this.end();
  }

  end(error) {
    if (error && !this.closed) this.error = error;
    const first = !this.closed;
    this.closed = true;
    const why = new Error(`the connection ended (${this.closeCode ?? error?.code ?? "no close frame"})`);
    this.failed?.(why);
    for (const { reject } of this.#asked.values()) reject(why);
    this.#asked.clear();
    if (first) this.onEnd?.();
  }

  fail(message) {
    this.broken ??= new Error(message);
    this.close();
  }

  take(bytes) {
    this.bytes += bytes.length;
    this.#parts.push(bytes);
    this.#size += bytes.length;
    // Gather until what is announced is there: no copy for each piece of a large frame.
    if (this.need && this.#size < this.need) return;
    let all = this.#parts.length === 1 ? bytes : Buffer.concat(this.#parts);
    this.need = 0;
    let at = 0;
    if (!this.#upgraded) {
      const end = all.indexOf("\r\n\r\n");
      if (end < 0) return this.#hold(all);
      const head = all.toString("latin1", 0, end);
      if (!head.startsWith("HTTP/1.1 101 ")) {
        this.failed(new Error(head));
        return this.close();
      }
      this.#upgraded = true;
      this.deflates = /permessage-deflate/i.test(head);
      this.ready();
      at = end + 4;
    }
    while (!this.closed && all.length - at >= 2) {
      const small = all[at + 1] & 0x7f;
      const header = small === 127 ? 10 : small === 126 ? 4 : 2;
      if (all.length - at < header) break;
      const size = small === 127 ? Number(all.readBigUInt64BE(at + 2)) : small === 126 ? all.readUInt16BE(at + 2) : small;
      if (size > 64e6) return this.fail(`a frame of ${size} bytes: the stream is torn`);
      if (all.length - at < header + size) {
        this.need = header + size;
        break;
      }
      this.#frame(all[at], all[at + 1], all.subarray(at + header, at + header + size));
      at += header + size;
    }
    this.#hold(at === 0 ? all : all.subarray(at));
  }

  #hold(rest) {
    this.#parts = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
  }

  #frame(first, second, payload) {
    if (second & 0x80) return this.fail("a masked frame from the server");
    const opcode = first & 0x0f;
    const squeezed = first & 0x40;
    if (!(first & 0x80) || first & 0x30 || (squeezed && (!this.deflates || opcode !== opcodes.text)))
      return this.fail(`a frame that begins with 0x${first.toString(16)}: the stream is torn`);
    if (opcode === opcodes.pong) {
      this.pongs.push(payload.toString());
      this.onPong?.(this.pongs.at(-1));
    } else if (opcode === opcodes.close) {
      this.closeCode = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      this.socket.write(frame(opcodes.close, payload.subarray(0, 2)));
    } else if (opcode === opcodes.text) {
      let text;
      try {
        if (squeezed) {
          ++this.compressed;
          payload = zlib.inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]), { finishFlush: zlib.constants.Z_SYNC_FLUSH });
        }
        text = payload.toString("utf8");
        this.#message(JSON.parse(text), text);
      } catch (error) {
        this.fail(`${error.message} in ${String(text).slice(0, 200)}`);
      }
    } else if (opcode !== opcodes.ping) {
      this.fail(`a frame with opcode ${opcode}`);
    }
  }

  #message(message, text) {
    if (message.op === "event") {
      if (this.keep) this.events.push(message);
      this.onEvent?.(message, text);
    } else if (message.op === "ok" || message.op === "error") {
      const asked = this.#asked.get(message.id);
      if (!asked) return this.fail(`an answer that nobody asked for: ${text.slice(0, 200)}`);
      this.#asked.delete(message.id);
      this.onAnswer?.(message); // at once: what a promise brings comes after the next frames
      if (message.op === "ok") asked.resolve(message);
      else asked.reject(Object.assign(new Error(`${asked.op}: ${message.code}: ${message.message}`), { answer: message }));
    } else if (message.op === "welcome") {
      this.welcome = message;
    } else if (message.op === "ping") {
      this.text('{"op":"pong"}');
    } else {
      this.pushes.push(message);
      this.onPush?.(message);
    }
  }
}
