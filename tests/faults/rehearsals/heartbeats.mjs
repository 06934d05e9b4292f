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
import { adminKey, keys, mintToken, secret } from "../tokens.mjs";

export const title = "heartbeats";
export const alone = true;

const perRoom = 50, seconds = 50;
/** Soon, and when it must be over, with half a second to look; a machine that does something else beside gets more. */
const bounds = '[limits]\nping = "3s"\npong_within = "2s"\nstall = "20s"\n', most = (short) => short ? 6.5 : 5.5;
const halves = 200, said = 20, room = "chat.half";

async function idle({ clients, seed, figures, say }) {
  const server = await start(undefined, { config: keys(), adminKey, flags: ["--log-level", "warn"] });
  const rooms = Array.from({ length: Math.ceil(clients / perRoom) }, (_, i) => `chat.${i}`);
  const crowd = await Crowd.gather({ clients, rooms, seed, ports: [server.port], patience: 60_000, secret });
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

/**
 * Clients behind a link that swallows everything: nothing is closed, and what is sent seems to arrive. They are in a room, in
 * which is said something after that.
 */
async function halfOpen({ figures, short }) {
  const server = await start(undefined, { config: bounds + keys(), adminKey, flags: ["--log-level", "error"] });
  const link = await Link.to(server.port);
  try {
    const clients = (n, port) => Promise.all(Array.from({ length: n }, (_, i) => Wire.open({ port, keep: false, token: mintToken(secret, `${port}-${i}`) })));
    const stay = await clients(20, server.port), half = await clients(halves, link.port);
    await Promise.all([...stay, ...half].map((wire) => wire.ask({ op: "join", room, presence: true })));
    const heard = new Map(stay.map((wire) => [wire, 0]));
    for (const wire of stay) wire.onEvent = () => heard.set(wire, heard.get(wire) + 1);
    const there = () => server.metric("hubbub_connections");
    await until(async () => await there() === stay.length + halves, "all are there");
    link.stall();
    const began = performance.now();
    for (let i = 0; i < said; ++i) await stay[0].ask({ op: "publish", room, type: "m", data: { i, text: "x".repeat(200) } });
    await until(async () => await there() <= stay.length, "the half-open are gone");
    figures.bar("swallowed by a proxy, gone after (ping 3 s, timeout 2 s)", (performance.now() - began) / 1000, most(short), "s");
    figures.be("of these for a missed heartbeat", await server.metric('hubbub_goodbyes_total{code="4104"}'), halves);
    figures.be("those who answer are still there", stay.filter(({ closed }) => !closed).length, stay.length);
    await until(() => [...heard.values()].every((n) => n >= said), "all was heard").catch(() => {});
    figures.be("and have heard what was said meanwhile", [...heard.values()].every((n) => n === said), true);
    for (const one of stay) one.close();
  } finally {
    link.close();
    await server.kill();
  }
}

/** The same where packets are lost, which takes a network of one's own to lose them in. */
async function lost({ figures, short }) {
  const name = "packets lost, gone after (ping 3 s, timeout 2 s)";
  const module = fileURLToPath(new URL("../lossy_process.mjs", import.meta.url));
  try {
    await promisify(execFile)("unshare", ["-n", "ip", "link", "add", "lossy0", "type", "veth", "peer", "name", "lossy1"]);
  } catch {
    return figures.tell(name, "not tried: needs root, unshare and ip");
  }
  const { stdout } = await promisify(execFile)("unshare", ["-n", process.execPath, module, String(halves), String(said), room, bounds + keys()]);
  figures.bar(name, Number(stdout), most(short), "s");
}

export async function rehearse(how) {
  const figures = new Figures();
  if (how.short) {
    await Promise.all([halfOpen({ ...how, figures }), lost({ ...how, figures })]);
    return figures;
  }
  await halfOpen({ ...how, figures });
  await lost({ ...how, figures });
  await idle({ ...how, figures });
  return figures;
}
