// `scripts/cluster` as a user starts it, with the built program in place of a build.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

import { binary } from "./support/broker.mjs";
import { connect, StringCodec } from "./support/nats.mjs";
import { eventually, request, temporaryDirectory, within } from "./support/server.mjs";
import { Wire } from "./support/wire.mjs";

const scripts = fileURLToPath(new URL("../../scripts", import.meta.url));

/** A copy of the scripts beside a project that "builds" what is built already, on a system that has every package. */
function placeOfItsOwn(t) {
  const place = temporaryDirectory(t), stubs = path.join(place, "stubs");
  cpSync(scripts, path.join(place, "scripts"), { recursive: true });
  writeFileSync(path.join(place, "CMakePresets.json"),
    '{"version": 3, "configurePresets": [{"name": "release", "generator": "Ninja", "binaryDir": "${sourceDir}/build/${presetName}"}]}');
  writeFileSync(path.join(place, "CMakeLists.txt"), `cmake_minimum_required(VERSION 3.21)
project(small LANGUAGES NONE)
add_custom_target(hubbub COMMAND \${CMAKE_COMMAND} -E create_symlink "${binary}" hubbub)
`);
  mkdirSync(stubs);
  writeFileSync(path.join(stubs, "dpkg-query"), "#!/bin/sh\necho installed\n");
  chmodSync(path.join(stubs, "dpkg-query"), 0o755);
  return { place, path: `${stubs}:${process.env.PATH}` };
}

const isFree = (port) => new Promise((resolve) => {
  const server = net.createServer();
  server.once("error", () => resolve(false));
  server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
});
/** The first of `n` ports in a row that are free, away from those that the kernel gives to whoever asks for any. */
async function freePorts(n) {
  for (let tries = 0; tries < 100; ++tries) {
    const first = 12_000 + Math.floor(Math.random() * 15_000);
    const all = await Promise.all(Array.from({ length: n }, (_, i) => isFree(first + i)));
    if (all.every(Boolean)) return first;
  }
  throw new Error("no free ports");
}

/** The processes of a group that are there: `pid (name)`. */
function members(group) {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      const [, name, rest] = /^\d+ \((.*)\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, "latin1"));
      const [state, , of] = rest.split(" ");
      return Number(of) === group && state !== "Z" ? [`${pid} (${name})`] : [];
    } catch {
      return []; // it has ended meanwhile
    }
  });
}

test("scripts/cluster 2 runs a cluster, names who ends, and Ctrl-C leaves nothing of it", async (t) => {
  const own = placeOfItsOwn(t);
  const port = await freePorts(4);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("HUBBUB_")));
  // A group of its own, as a terminal gives it, so that Ctrl-C reaches all of it.
  const child = spawn("bash", ["scripts/cluster", "2"], {
    cwd: own.place, env: { ...env, PATH: own.path, PORT: String(port) }, detached: true, stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => { said += text; });
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
  const killAll = () => { try { process.kill(-child.pid, "SIGKILL"); } catch { /* nobody is left */ } };
  process.once("exit", killAll);
  t.after(async () => {
    killAll();
    await ended;
    process.off("exit", killAll);
  });

  await Promise.race([
    eventually(() => said.includes("Open two nodes' pages"), "it says that it runs", 60_000),
    ended.then((how) => { throw new Error(`it ended (${how})`); }),
  ]).catch((error) => { throw new Error(`${error.message}; it said:\n${said}`); });
  const pages = [...said.matchAll(/^ +node-\d +(http:\S+)\/ +admin (\S+)$/gm)].map(([, page, admin]) => ({ page, admin }));
  assert.deepEqual(pages.map(({ page }) => page), [0, 2].map((i) => `http://127.0.0.1:${port + i}`));
  const servers = /^ +NATS +(\S+)$/m.exec(said)[1].split(",");
  assert.equal(servers.length, 3);

  // A page on each, and a room that all share.
  const wires = await Promise.all(pages.map(async ({ page }) => {
    const { status, headers } = await request(`${page}/`);
    assert.deepEqual([status, headers["content-type"].split(";")[0]], [200, "text/html"]);
    const wire = await Wire.open({ port: Number(new URL(page).port) });
    await wire.ask({ op: "join", room: "chat.lobby" });
    return wire;
  }));
  const backend = await connect({ servers: servers.map((url) => url.slice("nats://".length)) });
  const ack = await backend.jetstream().publish("hubbub.rooms.chat.lobby", StringCodec().encode('"from a backend"'));
  const info = await (await backend.jetstreamManager()).streams.info("HUBBUB_chat");
  assert.equal(info.config.num_replicas, 3);
  await backend.close();
  await wires[0].ask({ op: "publish", room: "chat.lobby", type: "message", data: "from node-1" });
  for (const wire of wires) {
    await wire.gets(2);
    assert.deepEqual(wire.events.map(({ data }) => data), ["from a backend", "from node-1"]);
    assert.equal(wire.events[0].offset, ack.seq);
    wire.close();
  }

  assert.ok(members(child.pid).length >= 6, `the script, three servers and two nodes: ${members(child.pid)}`);
  const commandOf = (member) => readFileSync(`/proc/${parseInt(member, 10)}/cmdline`, "latin1").split("\0");
  const second = members(child.pid).find((member) => /\(hubbub\)/.test(member) && commandOf(member).includes("node-2"));
  process.kill(parseInt(second, 10), "SIGKILL");
  await eventually(() => said.includes("\nnode-2 has ended; all it said is in build/cluster/node-2.log\n"), "it says who has ended");
  assert.equal((await request(`${pages[0].admin}/readyz`)).status, 200);
  process.kill(-child.pid, "SIGINT");
  assert.equal(await within(20_000, ended, "the end after Ctrl-C"), 0);
  assert.doesNotMatch(said, /Killed|node-1 has ended/, "nothing else is said");
  await eventually(() => members(child.pid).length === 0, "nobody of it is there")
    .catch((error) => { throw new Error(`${error.message}; still there: ${members(child.pid)}`); });
  const ports = [...[0, 1, 2, 3].map((i) => port + i), ...servers.map((url) => Number(new URL(url).port))];
  for (const one of ports) assert.ok(await isFree(one), `port ${one} is still taken`);
});
