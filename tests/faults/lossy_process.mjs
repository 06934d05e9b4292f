// A network of its own, in which packets are lost from a moment on and nobody is told: how many seconds until the node has
// given up those who were connected. Clients live in a second namespace, behind a pair of virtual interfaces; they are in a
// room, in which so many events are published when nobody can hear them any more.
//
//   unshare -n node lossy_process.mjs <clients> <events> <room> <configuration>

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { start } from "../integration/support/server.mjs";
import { until, Wire } from "../integration/support/wire.mjs";
import { mintToken, secret } from "./tokens.mjs";

const ip = (command) => execFileSync("ip", command.split(" "), { stdio: ["ignore", "ignore", "inherit"] });
const here = "10.9.8.1", there = "10.9.8.2";

/** The clients' side: says when all are connected; from the first byte it reads, everything that comes is dropped. */
async function clients(port, n, room) {
  ip("link set lo up");
  process.stdout.write("ready\n");
  await once(process.stdin, "data");
  ip(`addr add ${there}/24 dev lossy1`);
  ip("link set lossy1 up");
  const wires = await Promise.all(Array.from({ length: n }, (_, i) => Wire.open({ host: here, port, keep: false, token: mintToken(secret, `lost-${i}`) })));
  await Promise.all(wires.map((wire) => wire.ask({ op: "join", room })));
  process.stdout.write("connected\n");
  await once(process.stdin, "data");
  // What is for this host is looked up last, after a rule that swallows all that comes from the node.
  ip("rule add pref 100 table local");
  ip(`rule add pref 10 from ${here} blackhole`);
  ip("rule del pref 0");
  process.stdout.write("lossy\n");
}

async function node(n, events, room, config) {
  ip("link set lo up");
  ip("link add lossy0 type veth peer name lossy1");
  ip(`addr add ${here}/24 dev lossy0`);
  ip("link set lossy0 up");
  const server = await start(undefined, { config, listen: `${here}:0`, flags: ["--log-level", "error"] });
  const others = spawn("unshare", ["-n", process.execPath, fileURLToPath(import.meta.url), "clients", server.port, n, room], { stdio: ["pipe", "pipe", "inherit"] });
  process.once("exit", () => others.kill("SIGKILL"));
  const said = async (word) => {
    const [text] = await once(others.stdout, "data");
    if (text.toString().trim() !== word) throw new Error(`"${text}" where "${word}" was to come`);
  };
  await said("ready");
  ip(`link set lossy1 netns ${others.pid}`);
  others.stdin.write("go\n");
  await said("connected");
  const connected = () => execFileSync("ss", ["-tnH", "state", "established", `( sport = :${server.port} )`]).toString().split("\n").filter(Boolean).length;
  if (connected() !== n) throw new Error(`${connected()} of ${n} are connected`);
  // On this side of the wires, so it stays.
  const writer = await Wire.open({ host: here, port: server.port, keep: false, token: mintToken(secret, "writer") });
  others.stdin.write("lose\n");
  await said("lossy");
  const began = performance.now();
  for (let i = 0; i < events; ++i) await writer.ask({ op: "publish", room, type: "m", data: { i, text: "x".repeat(200) } });
  await until(() => connected() === 1, () => `${connected() - 1} are still there`, 120_000).finally(() => others.kill("SIGKILL"));
  console.log((performance.now() - began) / 1000);
  process.exit(0);
}

const [what, ...rest] = process.argv.slice(2);
await (what === "clients" ? clients(Number(rest[0]), Number(rest[1]), rest[2]) : node(Number(what), Number(rest[0]), rest[1], rest[2]));
