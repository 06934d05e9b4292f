// Links that can be cut, and be slow: a TCP proxy of the test's own before each nats-server, one for each node.

import net from "node:net";
import { Transform } from "node:stream";
import { Sockets } from "../integration/support/sockets.mjs";

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
  #sockets = new Sockets();
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
    this.#sockets.pair(from, to);
    from.pipe(new Way(this)).pipe(to);
    to.pipe(new Way(this)).pipe(from);
  }

  /** Nothing goes through, and nothing says so: what is sent is kept by the kernel. */
  stall() {
    this.#sockets.each((socket) => socket.unpipe().pause());
    this.stalled = true;
  }
  /** Everything is torn, and nothing new gets through. */
  cut() {
    this.#cut = true;
    this.#sockets.destroy();
  }
  heal() {
    this.#cut = false;
    // What was stalled cannot be told apart from what was lost: it begins anew.
    if (this.stalled) this.#sockets.destroy();
    this.stalled = false;
  }
  close() {
    this.cut();
    this.server.close();
  }
}
