// Links that can be cut, and be slow: a TCP proxy of the test's own before each nats-server, one for each node.

import net from "node:net";
import { Transform } from "node:stream";

/** Hands on what comes, `link.late` milliseconds later, in order. */
class Way extends Transform {
  #until = 0;

  constructor(link) {
    super();
    this.link = link;
  }
  _transform(bytes, encoding, done) {
    const now = performance.now();
    this.#until = Math.max(this.#until, now + this.link.late);
    if (this.#until <= now) return done(null, bytes);
    setTimeout(() => this.push(bytes), this.#until - now);
    done();
  }
}

export class Link {
  /** How many milliseconds everything takes, each way. */
  late = 0;
  #sockets = new Set();
  #cut = false;

  static async to(port) {
    const link = new Link();
    link.server = net.createServer((from) => link.#carry(from, port));
    await new Promise((resolve) => link.server.listen(0, "127.0.0.1", resolve));
    link.port = link.server.address().port;
    return link;
  }

  #carry(from, port) {
    if (this.#cut) return from.destroy();
    const to = net.connect(port, "127.0.0.1");
    for (const [one, other] of [[from, to], [to, from]]) {
      this.#sockets.add(one);
      one.setNoDelay(true);
      one.on("error", () => {});
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(new Way(this)).pipe(other);
    }
  }

  /** Nothing goes through, and nothing says so: what is sent is kept by the kernel. */
  stall() { for (const socket of this.#sockets) socket.unpipe(), socket.pause(); this.stalled = true; }
  /** Everything is torn, and nothing new gets through. */
  cut() {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }
  heal() {
    this.#cut = false;
    // What was stalled cannot be told apart from what was lost: it begins anew.
    if (this.stalled) for (const socket of this.#sockets) socket.destroy();
    this.stalled = false;
  }
  close() {
    this.cut();
    this.server.close();
  }
}
