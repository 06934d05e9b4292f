// The processes: three nats-servers that know each other, and nodes, each with its own links to them.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

import { binary, request, within } from "../integration/support/server.mjs";
import { connect } from "../integration/support/nats.mjs";
import { Link } from "./proxy.mjs";

const children = new Set();
const directories = new Set();
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function freePorts(n) {
  const servers = await Promise.all(Array.from({ length: n }, () => new Promise((resolve) => {
    const server = net.createServer();
    server.listen(0, "127.0.0.1", () => resolve(server));
  })));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** A process that can be killed, stopped and started again. */
class Process {
  constructor(name, command, args) {
    Object.assign(this, { name, command, args, running: false, stopped: false, errors: "" });
  }

  async start() {
    const child = spawn(this.command, this.args, { stdio: ["ignore", "ignore", "pipe"] });
    children.add(child);
    child.stderr.setEncoding("utf8").on("data", (text) => { this.errors = (this.errors + text).slice(-1_000_000); });
    this.child = child;
    this.running = true;
    this.exited = new Promise((resolve) => child.once("exit", (code, signal) => {
      children.delete(child);
      this.running = false;
      resolve(signal ?? code);
    }));
    await this.#ready();
  }
  async #ready() {
    for (const end = Date.now() + 60_000; !(await this.answers());) {
      if (!this.running) throw new Error(`${this.name} ended by itself: ${this.errors.slice(-2000)}`);
      if (Date.now() > end) throw new Error(`${this.name} does not answer: ${this.errors.slice(-2000)}`);
      await sleep(50);
    }
  }
  async kill() {
    this.child.kill("SIGKILL");
    await within(10_000, this.exited, `the end of ${this.name}`);
    this.stopped = false;
  }
  /** Asks it to end; resolves with its exit code, or with the signal that ended it. */
  async end(signal = "SIGTERM", ms = 70_000) {
    this.child.kill(signal);
    return within(ms, this.exited, `the end of ${this.name} after ${signal}`);
  }
  stop() { this.stopped = this.child.kill("SIGSTOP"); }
  go() {
    this.child.kill("SIGCONT");
    this.stopped = false;
  }
  /** Resident bytes; 0 when it does not run. */
  memory() {
    try {
      return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.child.pid}/status`, "latin1"))[1]) * 1024;
    } catch {
      return 0;
    }
  }
}

/** The version of the nats-server there, from the first line that it says; none: it does not answer. */
const listens = (port) => new Promise((resolve) => {
  const socket = net.connect(port, "127.0.0.1");
  socket.once("data", (info) => socket.destroy(resolve(/"version":"([^"]+)"/.exec(info)?.[1])));
  socket.once("error", () => resolve());
  socket.setTimeout(500, () => socket.destroy(resolve()));
});

const stream = "HUBBUB_chat";

/**
 * With `direct` the nodes have no links of their own that can be cut, and nothing is carried by this process. With
 * `adminKey`, which `config` must have, too, they do not run in dev mode.
 */
export async function startCluster({ nodes, config, direct = false, adminKey }) {
  const where = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const directory = mkdtempSync(path.join(where, "hubbub-faults-"));
  directories.add(directory);
  const ports = await freePorts(9 + 2 * nodes);
  const routes = ports.slice(3, 6).map((port) => `nats://127.0.0.1:${port}`).join(", ");
  const servers = [0, 1, 2].map((i) => {
    const file = path.join(directory, `nats-${i}.conf`);
    mkdirSync(path.join(directory, `nats-${i}`));
    // Told of each other's addresses, nodes would go past their links.
    writeFileSync(file, `server_name: nats-${i}\nlisten: 127.0.0.1:${ports[i]}\nhttp: 127.0.0.1:${ports[6 + i]}\njetstream { store_dir: "${directory}/nats-${i}" }
lame_duck_grace_period: "1s"\nlame_duck_duration: "30s"
cluster { name: faults, listen: 127.0.0.1:${ports[3 + i]}, routes: [${routes}]${direct ? "" : ", no_advertise: true"} }\n`);
    const server = new Process(`nats-${i}`, "nats-server", ["-c", file]);
    server.port = ports[i];
    server.monitor = `http://127.0.0.1:${ports[6 + i]}`;
    server.answers = async () => Boolean(server.version = await listens(server.port));
    return server;
  });
  await Promise.all(servers.map((server) => server.start()));

  const file = path.join(directory, "hubbub.toml");
  writeFileSync(file, config);
  const all = [];
  for (let i = 0; i < nodes; ++i) {
    const links = direct ? [] : await Promise.all(servers.map((server) => Link.to(server.port)));
    const [port, admin] = ports.slice(9 + 2 * i, 11 + 2 * i);
    const node = new Process(`node-${i}`, binary, ["serve", ...(adminKey ? [] : ["--dev"]), "--config", file, "--node", `node-${i}`, "--log-level", "warn",
      "--nats", (direct ? servers : links).map(({ port }) => `nats://127.0.0.1:${port}`).join(","),
      "--listen", `127.0.0.1:${port}`, "--admin", `127.0.0.1:${admin}`]);
    Object.assign(node, { port, admin: `http://127.0.0.1:${admin}`, links });
    node.answers = () => request(`${node.admin}/healthz`, { ms: 1000 }).then(({ status }) => status === 200, () => false);
    /** What it counts: samples, as `name{label="x"}`, with their numbers. */
    node.metrics = async () => {
      const { status, text } = await request(`${node.admin}/metrics`, { headers: adminKey ? { authorization: `Bearer ${adminKey}` } : {} });
      if (status !== 200) throw new Error(`/metrics of ${node.name}: ${status} ${text}`);
      return [...text.matchAll(/^([a-z_]+(?:\{.*\})?) (\S+)$/gm)].map(([, sample, n]) => [sample, Number(n)]);
    };
    all.push(node);
  }
  // The servers need a moment to choose who leads; a node that is too early ends with a sentence.
  for (const node of all)
    for (let tries = 0; ; ++tries)
      try {
        await node.start();
        break;
      } catch (error) {
        if (tries === 20) throw error;
        await sleep(500);
      }
  return {
    servers,
    nodes: all,
    /** Waits until every stream has all of its replicas: three survive the loss of one, not of one after another. */
    async whole() {
      const connection = await connect({ servers: servers.map((server) => `127.0.0.1:${server.port}`), timeout: 2000 });
      try {
        const manager = await connection.jetstreamManager({ timeout: 2000, checkAPI: false });
        for (const end = Date.now() + 30_000; Date.now() < end; await sleep(200)) {
          const { cluster } = await manager.streams.info(stream).catch(() => ({}));
          if (cluster?.leader && cluster.replicas?.length === 2 && cluster.replicas.every((one) => one.current && !one.offline)) return true;
        }
        return false;
      } finally {
        await connection.close();
      }
    },
    /** What each server that answers has of the stream itself, and whom it takes for the leader: `{server, messages, last, leader}`. */
    async replicas() {
      const all = await Promise.all(servers.map(async (server) => {
        const { text } = await request(`${server.monitor}/jsz?accounts=true&streams=true`, { ms: 1000 });
        const { state, cluster } = JSON.parse(text).account_details[0].stream_detail.find(({ name }) => name === stream);
        return { server, messages: state.messages, last: state.last_seq, leader: cluster?.leader };
      }).map((asked) => asked.catch(() => undefined)));
      return all.filter(Boolean);
    },
    /** What JetStream has in the end: event_id -> where. */
    async archive() {
      const connection = await connect({ servers: servers.map((server) => `127.0.0.1:${server.port}`), timeout: 5000 });
      try {
        const manager = await connection.jetstreamManager({ timeout: 5000, checkAPI: false });
        const { state } = await manager.streams.info(stream);
        const places = new Map();
        const read = async (seq) => {
          const { header } = await manager.streams.getMessage(stream, { seq });
          const id = header.get("Hubbub-Id");
          places.set(id, [...(places.get(id) ?? []), seq]);
        };
        // Without a consumer: one of an unquiet cluster may stand still.
        for (let from = state.first_seq; from <= state.last_seq; from += 200)
          await Promise.all(Array.from({ length: Math.min(200, state.last_seq - from + 1) }, (_, i) => read(from + i)));
        return places;
      } finally {
        await connection.close();
      }
    },
    async end() {
      for (const one of [...all, ...servers]) if (one.running) await one.kill();
      for (const node of all) for (const link of node.links) link.close();
    },
  };
}
