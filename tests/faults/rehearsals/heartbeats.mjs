// (g) What it costs to know that idle clients are alive, and how soon one is missed whose packets are lost.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { start } from "../../integration/support/server.mjs";
import { until, Wire } from "../../integration/support/wire.mjs";
import { sleep } from "../cluster.mjs";
import { Crowd } from "../crowd.mjs";
import { Figures } from "../figures.mjs";
import { Link } from "../proxy.mjs";

export const title = "heartbeats";
export const alone = true;

const perRoom = 50, seconds = 50;
/** Soon, and when it must be over, with half a second to look. */
const bounds = '[limits]\nping = "3s"\npong_within = "2s"\nstall = "20s"\n', most = 5.5;

async function idle({ clients, seed, figures, say }) {
  const server = await start(undefined, { config: "", flags: ["--dev", "--log-level", "warn"] });
  const rooms = Array.from({ length: Math.ceil(clients / perRoom) }, (_, i) => `chat.${i}`);
  const crowd = await Crowd.gather({ clients, rooms, seed, ports: [server.port], patience: 60_000 });
  try {
    say(`${clients} idle clients are there`);
    await sleep(5000); // what joining left behind
    const before = server.cpu();
    await sleep(seconds * 1000);
    const each = ((server.cpu() - before) / seconds / clients) * 1e6;
    figures.tell("idle clients", await server.metric("hubbub_connections"));
    figures.bar("CPU of each in a second, pings every 25 s", each, 1, "us");
    figures.tell("memory of the node", Math.round(server.rss() / 1e6), "MB");
    const { trips } = await crowd.report();
    figures.be("clients that were closed", trips.length, 0);
  } finally {
    await crowd.end();
    await server.kill();
  }
}

/** Clients behind a link that swallows everything: nothing is closed, and what is sent seems to arrive. */
async function halfOpen({ figures }) {
  const server = await start(undefined, { config: bounds, flags: ["--dev", "--log-level", "error"] });
  const link = await Link.to(server.port);
  try {
    const stay = await Promise.all(Array.from({ length: 20 }, () => Wire.open({ port: server.port, keep: false })));
    await Promise.all(Array.from({ length: 200 }, () => Wire.open({ port: link.port, keep: false })));
    const there = () => server.metric("hubbub_connections");
    await until(async () => await there() === 220, "all are there");
    link.stall();
    const began = performance.now();
    await until(async () => await there() <= stay.length, "the half-open are gone");
    figures.bar("swallowed by a proxy, gone after (ping 3 s, timeout 2 s)", (performance.now() - began) / 1000, most, "s");
    figures.be("those who answer are still there", stay.filter(({ closed }) => !closed).length, stay.length);
    for (const one of stay) one.close();
  } finally {
    link.close();
    await server.kill();
  }
}

/** The same where packets are lost, which takes a network of one's own to lose them in. */
async function lost({ figures }) {
  const name = "packets lost, gone after (ping 3 s, timeout 2 s)";
  const module = fileURLToPath(new URL("../lossy_process.mjs", import.meta.url));
  try {
    await promisify(execFile)("unshare", ["-n", "ip", "link", "add", "lossy0", "type", "veth", "peer", "name", "lossy1"]);
  } catch {
    return figures.tell(name, "not tried: needs root, unshare and ip");
  }
  const { stdout } = await promisify(execFile)("unshare", ["-n", process.execPath, module, "200", bounds]);
  figures.bar(name, Number(stdout), most, "s");
}

export async function rehearse(how) {
  const figures = new Figures();
  await halfOpen({ ...how, figures });
  await lost({ ...how, figures });
  await idle({ ...how, figures });
  return figures;
}
