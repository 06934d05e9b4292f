// The real binary, on free ports of 127.0.0.1. Whatever was started is gone when the process ends.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));
export const binary = path.resolve(root, process.env.HUBBUB_BINARY ?? "build/release/hubbub");
/** Is it one that keeps what was freed and runs slowly? */
export const instrumented = /\/(asan|tsan)\//.test(binary);

const children = new Set();
const directories = new Set();
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

const endings = new WeakMap();
/** Does `what` after the test; what was asked for last comes first, as a server ends before its directory goes. */
function afterwards(t, what) {
  if (!t) return;
  if (!endings.has(t)) {
    const stack = [];
    endings.set(t, stack);
    t.after(async () => { while (stack.length) await stack.pop()(); });
  }
  endings.get(t).push(what);
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Rejects when `promise` takes longer than `ms`. */
export function within(ms, promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    const error = new Error(`not within ${ms} ms: ${what}`);
    timer = setTimeout(() => reject(error), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Asks `check` until it gives something true, and returns that. */
export async function eventually(check, what = String(check), ms = 10_000) {
  for (const end = Date.now() + ms; ;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(20);
  }
}

/** A directory of the test's own; removed after it, or with the process when there is no `t`. */
export function temporaryDirectory(t) {
  const directory = mkdtempSync(path.join(tmpdir(), "hubbub-integration-"));
  directories.add(directory);
  afterwards(t, () => {
    rmSync(directory, { recursive: true, force: true });
    directories.delete(directory);
  });
  return directory;
}

function launch(args, { env = {}, ulimit, uid, gid } = {}) {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("HUBBUB_")));
  const options = { stdio: ["ignore", "pipe", "pipe"], env: { ...clean, ...env }, uid, gid };
  const child = ulimit
    ? spawn("sh", ["-c", `ulimit ${ulimit} || exit 99; exec "$0" "$@"`, binary, ...args], options)
    : spawn(binary, args, options);
  const said = { child, stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text) => { said.stdout = (said.stdout + text).slice(-1_000_000); });
  child.stderr.setEncoding("utf8").on("data", (text) => { said.stderr = (said.stderr + text).slice(-1_000_000); });
  said.exited = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      children.delete(child);
      resolve({ code, signal });
    });
  });
  said.exited.catch(() => {});
  children.add(child);
  return said;
}

/**
 * Runs a command of the program to its end: `{code, signal, stdout, stderr}`. One that does not end
 * is killed, and that is an error.
 */
export async function run(args, { ms = 20_000, ...options } = {}) {
  const said = launch(args, options);
  try {
    const { code, signal } = await within(ms, said.exited, `the end of hubbub ${args.join(" ")}`);
    return { code, signal, stdout: said.stdout, stderr: said.stderr };
  } finally {
    said.child.kill("SIGKILL");
  }
}

/** A file with a secret of 48 letters that signs tokens. */
export function keyFile(directory, name = "hs256.key", letter = "k") {
  const file = path.join(directory, name);
  writeFileSync(file, letter.repeat(48));
  return file;
}

/** A token of `hubbub token`: `mint(file, {sub: "ann", grants: ["chat.>=join,publish"], ttl: "1h"})`. */
export async function mint(file, { sub = "ann", grants = ["*.>=join,publish,history,presence"], ttl = "1h" } = {}) {
  const args = ["token", "--key-file", file, "--sub", sub, "--ttl", ttl];
  for (const grant of grants) args.push("--grant", grant);
  const { code, stdout, stderr } = await run(args);
  if (code !== 0) throw new Error(`hubbub token: ${code} ${stderr}`);
  return stdout.trim();
}

/**
 * An HTTP request: `{status, headers, text, json}`. `json` throws when the body is none.
 * (Not fetch, which keeps a test from setting Host and Origin.)
 */
export function request(url, { method = "GET", headers = {}, body, ms = 15_000 } = {}) {
  const answer = new Promise((resolve, reject) => {
    const r = http.request(url, { method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => { text += part; });
      response.once("error", reject);
      response.once("end", () => {
        const json = () => JSON.parse(text);
        resolve({ status: response.statusCode, headers: response.headers, text, json });
      });
    });
    r.once("error", reject);
    r.setTimeout(ms, () => r.destroy(new Error(`no answer within ${ms} ms: ${method} ${url}`)));
    r.end(body);
  });
  return within(ms + 1000, answer, `${method} ${url}`);
}

class Server {
  constructor(said, directory, dataDir, adminKey) {
    Object.assign(this, { said, directory, dataDir, adminKey });
  }

  get pid() { return this.said.child.pid; }
  get stderr() { return this.said.stderr; }
  /** Resolves with `{code, signal}`. */
  get exited() { return this.said.exited; }
  get running() { return children.has(this.said.child); }

  /** kill -9, and waits for the end. */
  async kill(signal = "SIGKILL") {
    this.said.child.kill(signal);
    return within(10_000, this.exited, `the end after ${signal}`);
  }

  /** SIGTERM; resolves with `{code, signal}`. */
  async stop(ms = 70_000) {
    this.said.child.kill("SIGTERM");
    return within(ms, this.exited, "the end after SIGTERM");
  }

  signal(name) { this.said.child.kill(name); }

  /** Bytes of memory that it holds now. */
  rss() {
    const [, kb] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, "utf8")) ?? [];
    return Number(kb) * 1024;
  }

  /** Seconds of processor time that it has used. */
  cpu() {
    const fields = readFileSync(`/proc/${this.pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** What an admin path answers. */
  ask(pathname, { headers, ...options } = {}) {
    const shown = this.adminKey && { authorization: `Bearer ${this.adminKey}` };
    return request(this.admin + pathname, { headers: { ...shown, ...headers }, ...options });
  }

  /** Publishes as a backend does. */
  async publish(event) {
    const answer = await this.ask("/v1/publish", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(event),
    });
    if (answer.status !== 200) throw new Error(`publish: ${answer.status} ${answer.text}`);
    return answer.json();
  }

  /** `Map` of sample (`name` or `name{label="x"}`) to number. */
  async metrics() {
    const { status, text } = await this.ask("/metrics");
    if (status !== 200) throw new Error(`/metrics: ${status} ${text}`);
    const samples = new Map();
    for (const line of text.split("\n")) {
      const [, sample, value] = /^([a-zA-Z_:][^ {]*(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
      if (sample) samples.set(sample, Number(value));
    }
    return samples;
  }

  /** One sample, 0 when it is not there. */
  async metric(sample) { return (await this.metrics()).get(sample) ?? 0; }

  /** Throws unless the server is alive and serves. */
  async mustBeWell() {
    if (!this.running) throw new Error(`the server has ended: ${this.stderr}`);
    const { status } = await request(`${this.url.replace(/^https/, "http")}/healthz`).catch((e) => ({ status: e }));
    if (status !== 200 && !this.url.startsWith("https")) throw new Error(`/healthz: ${status}`);
    const ready = await this.ask("/readyz");
    if (ready.status !== 200) throw new Error(`/readyz: ${ready.status} ${ready.text}`);
  }
}

/**
 * Starts `hubbub serve` and resolves when it has said where it listens. With `t` it ends with the test.
 *
 * - `config`: the text of a TOML file. Without it, and with `dev: true`, `--dev` is given.
 * - `listen`: where. `flags`: more flags. `dataDir`: its log's directory, `true` for one of its own.
 * - `adminKey`: what `ask` shows, where `config` has keys. `node`: its name. `env`, and `ulimit`: what the shell's `ulimit` is told first, as `-f 2000`.
 */
export async function start(t, { config, dev = config === undefined, listen = "127.0.0.1:0", flags = [], dataDir, env, ulimit, adminKey, node = "n1" } = {}) {
  if (!existsSync(binary)) throw new Error(`${binary} is not built; HUBBUB_BINARY names another`);
  const directory = temporaryDirectory(t);
  const log = dataDir === true ? path.join(directory, "data") : dataDir;
  const args = ["serve", "--listen", listen, "--admin", "127.0.0.1:0", "--node", node];
  if (dev) args.push("--dev");
  if (log) args.push("--data-dir", log);
  if (config !== undefined) {
    const file = path.join(directory, "hubbub.toml");
    writeFileSync(file, config);
    args.push("--config", file);
  }
  const said = launch([...args, ...flags], { env, ulimit });
  const server = new Server(said, directory, log, adminKey);
  afterwards(t, () => server.kill());
  const ready = new Promise((resolve, reject) => {
    let rest = "";
    said.child.stdout.on("data", (text) => {
      rest += text;
      for (let end; (end = rest.indexOf("\n")) >= 0; rest = rest.slice(end + 1)) {
        const [, what, url] = /^hubbub: (listening|admin) on (https?:\/\/\S+)$/.exec(rest.slice(0, end)) ?? [];
        if (what === "listening") server.url = url;
        if (what === "admin") server.admin = url;
        if (server.url && server.admin) resolve();
      }
    });
    said.exited.then(({ code, signal }) =>
      reject(new Error(`hubbub ended (${signal ?? code}) before it listened: ${said.stderr.trim()}`)), reject);
  });
  try {
    await within(20_000, ready, "where it listens");
  } catch (error) {
    said.child.kill("SIGKILL");
    error.message += `\n${said.stderr}`;
    throw error;
  }
  server.port = Number(new URL(server.url).port);
  server.adminPort = Number(new URL(server.admin).port);
  return server;
}
