// The real binary, on free ports of 127.0.0.1.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));
const binary = path.resolve(root, process.env.HUBBUB_BINARY ?? "build/release/hubbub");

/** Starts `hubbub serve --dev`; resolves when it has said where it listens. */
export async function startServer({ port = 0, dataDir } = {}) {
  const args = ["serve", "--dev", "--listen", `127.0.0.1:${port}`, "--admin", "127.0.0.1:0"];
  if (dataDir) args.push("--data-dir", dataDir);
  const child = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text) => { errors = (errors + text).slice(-4000); });
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
  const kill = async (signal = "SIGKILL") => {
    child.kill(signal);
    return ended;
  };
  const said = {};
  const ready = new Promise((resolve, reject) => {
    child.once("error", reject);
    ended.then((how) => reject(new Error(`${binary} ended (${how}) before it listened: ${errors.trim()}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [, what, url] = /^hubbub: (listening|admin) on (http:\S+)$/.exec(line) ?? [];
      if (what) said[what] = url;
      if (said.listening && said.admin) resolve();
    });
  });
  let timer;
  try {
    await Promise.race([
      ready,
      new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${binary} did not say where it listens: ${errors.trim()}`)), 20_000);
      }),
    ]);
  } catch (error) {
    await kill();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return { url: said.listening, admin: said.admin, port: Number(new URL(said.listening).port), kill };
}

/** Publishes as a backend does; throws when the server does not confirm. */
export async function publish(server, event) {
  const answer = await fetch(`${server.admin}/v1/publish`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(event),
  });
  if (!answer.ok) throw new Error(`publish: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** A directory of the test's own, removed after it. */
export async function temporaryDirectory(t) {
  const directory = await mkdtemp(path.join(tmpdir(), "hubbub-e2e-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A port that was free a moment ago. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Waits until `check` gives something true, and returns it. */
export async function eventually(check, what = String(check), within = 10_000) {
  for (const end = Date.now() + within; ;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${within} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
