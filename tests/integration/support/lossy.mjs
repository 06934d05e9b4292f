// A link between NATS clients and their server that loses what it is told to of what the server sends, and that can be torn.

import net from "node:net";
import { Sockets } from "./sockets.mjs";

export class LossyLink {
  /** How many messages it has lost. */
  lost = 0;
  /** How many connections it has carried, and when the server last answered the first ping of one: then that one is up. */
  carried = 0;
  greeted = 0;
  lastGreeted = 0;
  #sockets = new Sockets();
  #lose = () => false;

  static async to(t, { port }) {
    const link = new LossyLink();
    const server = net.createServer((client) => link.#carry(client, port));
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    link.url = `nats://127.0.0.1:${server.address().port}`;
    t.after(() => {
      link.tear();
      server.close();
    });
    return link;
  }

  /** Loses messages on a subject that begins so, with a payload or headers that have `text` in them. */
  lose(subject, text) {
    this.#lose = (line, message) => line.split(" ")[1].startsWith(subject) && message.includes(text);
  }
  loseNothing() { this.#lose = () => false; }
  /** Ends all connections; new ones are carried. */
  tear() { this.#sockets.destroy(); }

  #carry(client, port) {
    ++this.carried;
    const server = net.connect(port, "127.0.0.1");
    this.#sockets.pair(client, server);
    client.pipe(server);
    let rest = Buffer.alloc(0), greeted = false;
    server.on("data", (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      for (let end; (end = rest.indexOf("\r\n")) >= 0;) {
        const line = rest.toString("latin1", 0, end);
        // Behind the line of a message are as many bytes as its last word says, and a line break.
        const size = end + 2 + (/^H?MSG /.test(line) ? Number(line.slice(line.lastIndexOf(" ") + 1)) + 2 : 0);
        if (rest.length < size) break;
        const whole = rest.subarray(0, size);
        rest = rest.subarray(size);
        if (line === "PONG" && !greeted) {
          greeted = true;
          ++this.greeted;
          this.lastGreeted = performance.now();
        }
        if (size > end + 2 && this.#lose(line, whole)) ++this.lost;
        else client.write(whole);
      }
    });
  }
}
