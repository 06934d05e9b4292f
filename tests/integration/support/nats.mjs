// A real nats-server with JetStream, on a free port of 127.0.0.1, for one test.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

import { connect } from "nats";

export { connect, headers, StringCodec } from "nats";

import { eventually, within } from "./server.mjs";

const children = new Set();
process.once("exit", () => { for (const child of children) child.kill("SIGKILL"); });

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Does the server of that name listen there? A port that was free may be another test's by now. */
const answers = (port, name) => new Promise((resolve) => {
  const socket = net.connect(port, "127.0.0.1");
  socket.once("data", (info) => { // which is one line, and the first thing said
    resolve(info.includes(`"server_name":"${name}"`));
    socket.destroy();
  });
  socket.once("error", () => resolve(false));
  socket.once("close", () => resolve(false));
  setTimeout(() => socket.destroy(), 500);
});

class NatsServer {
  constructor(port, directory, more) {
    Object.assign(this, { directory, more });
    this.at(port);
  }

  at(port) { Object.assign(this, { port, url: `nats://127.0.0.1:${port}` }); }

  /** Starts it, with what it has kept. */
  async start() {
    if (!await this.tryStart()) throw new Error(`nats-server ended at once; is port ${this.port} taken?`);
  }

  async tryStart() {
    const file = path.join(this.directory, "nats.conf");
    const name = path.basename(this.directory);
    writeFileSync(file, `server_name: ${name}\nlisten: 127.0.0.1:${this.port}\njetstream { store_dir: "${this.directory}/store" }\n` +
      `log_file: "${this.directory}/nats.log"\n${this.more}`);
    const child = spawn("nats-server", ["-c", file], { stdio: "ignore" });
    children.add(child);
    this.child = child;
    this.exited = new Promise((resolve) => child.once("exit", () => {
      children.delete(child);
      resolve();
    }));
    await eventually(async () => child.exitCode !== null || answers(this.port, name), "nats-server answers");
    return child.exitCode === null;
  }

  signal(name) { this.child.kill(name); }

  async kill() {
    this.child.kill("SIGKILL");
    await within(10_000, this.exited, "the end of nats-server");
  }

  /** It loses all it has kept. */
  forget() { rmSync(path.join(this.directory, "store"), { recursive: true, force: true }); }
}

/** Starts one, which ends with the test. `more`: lines of its configuration. Its log is nats.log in its directory. */
export async function startNats(t, more = "") {
  // Its files are written in memory where that can be had.
  const where = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const server = new NatsServer(await freePort(), mkdtempSync(path.join(where, "hubbub-nats-")), more);
  t.after(async () => {
    await server.kill();
    rmSync(server.directory, { recursive: true, force: true });
  });
  for (let tries = 0; !await server.tryStart(); ++tries) {
    if (tries === 10) throw new Error("nats-server does not start");
    server.at(await freePort());
  }
  return server;
}

let shared;
/** One for all tests of this process, each with a prefix of its own; it ends with the process. */
export function sharedNats() {
  const ended = [];
  process.once("exit", () => { for (const one of ended) rmSync(one, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }); }); // it may write still
  return shared ??= startNats({ after() {} }).then((server) => {
    ended.push(server.directory);
    server.child.unref(); // nobody waits for its end
    return server;
  });
}

/** A backend's own connection: the client of nats.io for JavaScript. */
export async function backend(t, server) {
  const connection = await connect({ servers: server.url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
  t.after(() => connection.close());
  return connection;
}
