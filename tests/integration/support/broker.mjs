// The real binary under a configuration of the test's own, on free ports of 127.0.0.1.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { sharedNats } from "./nats.mjs";
import { until, Wire } from "./wire.mjs";

const root = fileURLToPath(new URL("../../../", import.meta.url));
export const binary = path.resolve(root, process.env.HUBBUB_BINARY ?? "build/release/hubbub");

/** A directory that goes when the process does: after the nodes that write there. */
export function directory() {
  const made = mkdtempSync(path.join(tmpdir(), "hubbub-integration-"));
  process.on("exit", () => rmSync(made, { recursive: true, force: true }));
  return made;
}
process.setMaxListeners(0);

let certificate;
/** A certificate of this process, with its key. */
export function certificateFiles() {
  if (certificate) return certificate;
  const where = directory();
  certificate = { certificate: path.join(where, "certificate.pem"), key: path.join(where, "key.pem") };
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
    "-subj", "/CN=localhost", "-keyout", certificate.key, "-out", certificate.certificate], { stdio: "ignore" });
  return certificate;
}

function toml(sections) {
  return Object.entries(sections).map(([name, keys]) =>
    `[${name}]\n${Object.entries(keys).map(([key, value]) => `${key} = ${JSON.stringify(value)}`).join("\n")}\n`).join("\n");
}

let logs = 0;
const logsOf = new Map();
/** The name of a log that no other one in this NATS has. */
function prefixOf(dataDir) {
  if (!dataDir) return `t${++logs}`;
  if (!logsOf.has(dataDir)) logsOf.set(dataDir, `t${++logs}`);
  return logsOf.get(dataDir);
}

/**
 * Starts a node in dev mode. `sections`: the configuration file's. The node is stopped when the test ends;
 * a node that ended by itself or said that something is wrong in memory fails the test.
 * `nats`: its log is JetStream, where it has streams of its own, or those of who had that `dataDir` before.
 */
export async function serve(t, { loops = 1, secure = false, dataDir, nats = false, sections = {} } = {}) {
  const bus = nats && { nats: { url: (await sharedNats()).url, prefix: prefixOf(dataDir) } };
  const file = path.join(directory(), "hubbub.toml");
  writeFileSync(file, toml({ drain: { grace: "0s" }, ...bus, ...sections, limits: { handshakes_per_second: 1_000_000, ...sections.limits }, server: { loops, ...sections.server }, ...(secure && { tls: certificateFiles() }) }));
  const args = ["serve", "--dev", "--config", file, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-level", "warn"];
  if (dataDir && !nats) args.push("--data-dir", dataDir);
  const child = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text) => { errors = (errors + text).slice(-20_000); });
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
  let stopping = false;
  const said = {};
  await new Promise((resolve, reject) => {
    child.once("error", reject);
    ended.then((how) => reject(new Error(`${binary} ended (${how}) before it listened: ${errors}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [, what, url] = /^hubbub: (listening|admin) on (https?:\S+)$/.exec(line) ?? [];
      if (what) said[what] = url;
      if (said.listening && said.admin) resolve();
    });
  });
  const port = Number(new URL(said.listening).port);
  const clients = new Set();
  const node = {
    port, secure, admin: said.admin, pid: child.pid,
    errors: () => errors,
    /** Its exit code, or the signal that ended it: asked for, that is no fault. */
    get ended() {
      stopping = true;
      return ended;
    },
    async client(options) {
      const wire = await Wire.open({ port, secure, ...options });
      clients.add(wire);
      return wire;
    },
    clients: (n, options) => Promise.all(Array.from({ length: n }, (_, i) => node.client(typeof options === "function" ? options(i) : options))),
    forget: (wire) => { wire.close(); clients.delete(wire); },
    status: () => readFileSync(`/proc/${child.pid}/status`, "latin1"),
    /** Resident memory in bytes. */
    rss: () => Number(/VmRSS:\s+(\d+) kB/.exec(node.status())[1]) * 1024,
    signal: (name) => child.kill(name),
    /** kill -9: that it ended is no fault then. */
    async kill() {
      stopping = true;
      child.kill("SIGKILL");
      await ended;
    },
    async get(where) {
      const answer = await fetch(new URL(where, said.admin));
      return answer.json();
    },
    /** One sample of the metrics, as `name{label="x"}`; 0 when it is not there. */
    async metric(sample) {
      const text = await (await fetch(new URL("/metrics", said.admin))).text();
      const line = text.split("\n").find((one) => one.startsWith(`${sample} `));
      return Number(line?.slice(sample.length + 1) ?? 0);
    },
    async stop() {
      if (stopping) return;
      for (const wire of clients) wire.close();
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`the node ended by itself (${child.signalCode ?? child.exitCode}): ${errors}`);
      stopping = true;
      child.kill("SIGCONT");
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
      const how = await ended;
      clearTimeout(late);
      if (how !== 0 || /Sanitizer|runtime error/.test(errors)) throw new Error(`the node ended with ${how}: ${errors}`);
    },
  };
  t.after(() => node.stop());
  return node;
}

/** Each combination that a scenario is to be run in, with its name: on the embedded log, and with NATS behind the rooms. */
export const ways = [
  ...[1, 4].flatMap((loops) => [false, true].map((secure) =>
    ({ loops, secure, name: `${loops} loop${loops > 1 ? "s" : ""}${secure ? ", TLS" : ""}` }))),
  { loops: 4, secure: false, nats: true, name: "4 loops, NATS" },
];
export const plainWays = ways.filter((way) => !way.secure);

/**
 * Publishes what `make(i)` gives for i < n, `window` commands in flight; resolves with the answers.
 * `may(i)`: false while the i-th has to wait, so that readers on a busy machine keep up.
 */
export async function publishAll(wire, n, make, { window = 32, may } = {}) {
  const answers = new Array(n);
  let next = 0;
  let turn = Promise.resolve(); // they wait in order, so that the events are in order
  const lane = async () => {
    while (next < n) {
      const i = next++;
      if (may) await (turn = turn.then(() => may(i) || until(() => may(i), "the readers keep up")));
      answers[i] = await wire.ask({ op: "publish", type: "message", ...make(i) });
    }
  };
  await Promise.all(Array.from({ length: Math.min(window, n) }, lane));
  return answers;
}

export const megabytes = (bytes) => Math.round(bytes / 1024 / 102.4) / 10;
