// A socket with control over every byte: handshakes by hand, frames of any shape, a reader that does not read.

import { createHash, randomBytes } from "node:crypto";
import net from "node:net";
import tls from "node:tls";
import { within } from "./server.mjs";

const patience = 10_000;

export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/**
 * A frame of any shape. `rsv` is 0 to 7 (4: compressed). `length` claims another length than the payload's;
 * `form` is how it is written: 7, 16 or 64 bits (the shortest unless told).
 */
export function frame(payload = "", {
  op = opcode.text, fin = true, rsv = 0, masked = true, length, form,
} = {}) {
  const body = Buffer.from(payload);
  const size = length ?? body.length;
  form ??= size < 126 ? 7 : size < 65_536 ? 16 : 64;
  const head = Buffer.alloc(form === 7 ? 2 : form === 16 ? 4 : 10);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | op;
  head[1] = (masked ? 0x80 : 0) | (form === 7 ? size : form === 16 ? 126 : 127);
  if (form === 16) head.writeUInt16BE(size, 2);
  if (form === 64) head.writeBigUInt64BE(BigInt(size), 2);
  if (!masked) return Buffer.concat([head, body]);
  const mask = randomBytes(4);
  const covered = Buffer.from(body);
  for (let i = 0; i < covered.length; i++) covered[i] ^= mask[i & 3];
  return Buffer.concat([head, mask, covered]);
}

/** The bytes of a handshake. A header that is null is left out. */
export function handshake({ path = "/v1/ws", headers = {}, key = randomBytes(16).toString("base64"), host } = {}) {
  const all = {
    Host: host ?? "127.0.0.1", Upgrade: "websocket", Connection: "Upgrade",
    "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key, ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== null).map(([name, value]) => `${name}: ${value}`);
  return { key, text: `GET ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n` };
}

class Raw {
  bytes = Buffer.alloc(0);
  /** Bytes received in all. */
  received = 0;
  over = false;
  #wake = new Set();

  constructor(socket) {
    this.socket = socket;
    const changed = () => { for (const wake of [...this.#wake]) wake(); };
    socket.on("data", (data) => {
      this.received += data.length;
      this.bytes = this.bytes.length ? Buffer.concat([this.bytes, data]) : data;
      changed();
    });
    socket.on("error", (error) => { this.error = error; });
    socket.on("end", () => { this.over = true; changed(); });
    socket.on("close", () => { this.over = true; changed(); });
  }

  /** Writes bytes as they are; resolves when the kernel has them. False: the other side is gone. */
  write(data) {
    return new Promise((resolve) => {
      if (this.socket.destroyed) return resolve(false);
      this.socket.write(data, (error) => resolve(!error));
    });
  }

  /** Sends a text message, or with `shape` any frame. */
  send(payload, shape) { return this.write(frame(payload, shape)); }
  say(command) { return this.send(JSON.stringify(command)); }

  /** Never reads again, so that the other side's buffers fill. */
  pause() { this.socket.pause(); }
  resume() { this.socket.resume(); }
  destroy() { this.socket.destroy(); }

  /** Resolves with what `take` gives once it gives something else than undefined; undefined when all is over. */
  until(take, ms = patience, what = "bytes") {
    const found = new Promise((resolve, reject) => {
      const look = () => {
        try {
          const value = take();
          if (value === undefined && !this.over) return;
          resolve(value);
        } catch (error) {
          reject(error);
        }
        this.#wake.delete(look);
      };
      this.#wake.add(look);
      look();
    });
    return within(ms, found, what);
  }

  /** The next `HTTP/1.1` answer: `{status, headers, text}`; undefined when the socket closes without one. */
  answer(ms) {
    return this.until(() => {
      const end = this.bytes.indexOf("\r\n\r\n");
      if (end < 0) return undefined;
      const [first, ...lines] = this.bytes.subarray(0, end).toString("latin1").split("\r\n");
      const headers = {};
      for (const line of lines) {
        const colon = line.indexOf(":");
        headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
      }
      const size = Number(headers["content-length"] ?? 0);
      if (this.bytes.length < end + 4 + size) return undefined;
      const text = this.bytes.subarray(end + 4, end + 4 + size).toString();
      this.bytes = this.bytes.subarray(end + 4 + size);
      return { status: Number(first.split(" ")[1]), headers, text };
    }, ms, "an HTTP answer");
  }

  #take() {
    const b = this.bytes;
    if (b.length < 2) return undefined;
    let at = 2;
    let size = b[1] & 0x7f;
    if (size === 126) {
      if (b.length < 4) return undefined;
      size = b.readUInt16BE(2);
      at = 4;
    } else if (size === 127) {
      if (b.length < 10) return undefined;
      size = Number(b.readBigUInt64BE(2));
      at = 10;
    }
    if (b[1] & 0x80) throw new Error("the server masked a frame");
    if (b.length < at + size) return undefined;
    this.bytes = b.subarray(at + size);
    const payload = Buffer.from(b.subarray(at, at + size));
    return { fin: (b[0] & 0x80) !== 0, rsv: (b[0] >> 4) & 7, op: b[0] & 15, payload, text: payload.toString() };
  }

  /** The next frame; undefined when the socket closes first. */
  frame(ms) { return this.until(() => this.#take(), ms, "a frame"); }

  /** All frames that are here already. */
  arrived() {
    const frames = [];
    for (let f; (f = this.#take());) frames.push(f);
    return frames;
  }

  /** The next text frame's JSON for which `predicate` is true; undefined when the socket closes first. */
  async message(predicate = () => true, ms = patience) {
    for (const end = Date.now() + ms; ;) {
      const f = await this.frame(Math.max(1, end - Date.now()));
      if (!f) return undefined;
      if (f.op !== opcode.text) continue;
      const m = JSON.parse(f.text);
      if (predicate(m)) return m;
    }
  }

  /** The code of the close frame that comes, passing over all else; undefined: the socket closed without one. */
  async closeCode(ms = patience) {
    for (const end = Date.now() + ms; ;) {
      const f = await this.frame(Math.max(1, end - Date.now()));
      if (!f) return undefined;
      if (f.op === opcode.close) return f.payload.length >= 2 ? f.payload.readUInt16BE(0) : 1005;
    }
  }

  /** Waits until the other side has closed its end. */
  closed(ms = patience) { return this.until(() => undefined, ms, "the end of the socket"); }
}

/**
 * A plain socket to `port`, or a TLS one with `secure: {ca, …}`; with `t` it ends with the test.
 * `allowHalfOpen`: it stays open for writing when the other side has ended.
 */
export async function open(port, { t, secure, allowHalfOpen = false, ms = patience } = {}) {
  const at = { host: "127.0.0.1", port, allowHalfOpen, ...secure };
  const socket = secure ? tls.connect(at) : net.connect(at);
  socket.setNoDelay(true);
  const raw = new Raw(socket);
  t?.after(() => raw.destroy());
  await within(ms, new Promise((resolve, reject) => {
    socket.once(secure ? "secureConnect" : "connect", resolve);
    socket.once("error", reject);
  }), "a socket");
  return raw;
}

/** An open WebSocket on such a socket. `opened` is the answer to its handshake; it throws unless that is 101. */
export async function upgrade(port, { t, secure, allowHalfOpen, ms, ...how } = {}) {
  const raw = await open(port, { t, secure, allowHalfOpen, ms });
  const { key, text } = handshake(how);
  await raw.write(text);
  raw.opened = await raw.answer(ms);
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  if (raw.opened?.status !== 101 || raw.opened.headers["sec-websocket-accept"] !== accept)
    throw new Error(`no upgrade: ${JSON.stringify(raw.opened)}`);
  return raw;
}
