// (f) Ten thousand connections that only take room, beside a few ordinary clients.

import { quietest } from "../../bench/host.mjs";
import { until, Wire } from "../../integration/support/wire.mjs";
import { start } from "../../integration/support/server.mjs";
import { certificateFiles } from "../../integration/support/broker.mjs";
import { sleep } from "../cluster.mjs";
import { Helper } from "../crowd.mjs";
import { Figures, quantile } from "../figures.mjs";
import { adminKey, keys, mintToken, secret } from "../tokens.mjs";

export const title = "10,000 connections that only take room";
export const alone = true;

const pause = 12;
/**
 * `door`: for how many handshakes at once; in short for so few that the others are refused soon. `stolen`: percent of the
 * processors that the machine's host may take during a round; one in which it took more is measured again. `flickers`: how many a
 * second there must have been at least of those who go at once; two thousand try to, where their process gets a core.
 */
const long = { intruders: 10_000, rounds: 6, quiet: 3000, attack: 3000, door: 4800, stolen: 5, flickers: 1500 };
const brief = { intruders: 300, rounds: 1, quiet: 500, attack: 3000, door: 64, stolen: 100, flickers: 10 };
const kinds = { silent: "send nothing", drip: "send a byte a second", tls: "never finish TLS", flicker: "open and close at once" };

const refusals = async (server) => [...await server.metrics()].filter(([name]) => name.startsWith("hubbub_handshakes_refused_total"));

/** `n` clients in one room, and a writer whose events say when they were sent. */
async function ordinary(server, n, secure) {
  const latencies = [];
  const clients = await Promise.all(Array.from({ length: n }, (_, i) => Wire.open({
    port: server.port, secure, keep: false, token: mintToken(secret, `ordinary-${i}`), onEvent: ({ data }) => latencies.push(performance.now() - data),
  })));
  for (const client of clients) await client.ask({ op: "join", room: "chat.ordinary" });
  const writer = await Wire.open({ port: server.port, secure, keep: false, token: mintToken(secret, "writer") });
  return {
    clients,
    /** The latencies of what is published within `ms`. */
    async window(ms) {
      latencies.length = 0;
      let published = 0;
      for (const end = performance.now() + ms; performance.now() < end; ++published) {
        await writer.ask({ op: "publish", room: "chat.ordinary", type: "m", data: performance.now() });
        await sleep(pause);
      }
      await until(() => latencies.length >= published * n, () => `${published * n} events, ${latencies.length} came`);
      return [...latencies];
    },
    end() { for (const one of [...clients, writer]) one.close(); },
  };
}

async function besides(kind, { clients, seed, figures, say, short }) {
  const { intruders, rounds, quiet, attack, door, stolen, flickers } = short ? brief : long;
  const secure = kind === "tls";
  const config = `${keys()}[limits]\nauthenticate_within = "8s"\nhandshakes_at_once = ${door}\n${secure ? `[tls]\n${Object.entries(certificateFiles()).map(([key, file]) => `${key} = "${file}"\n`).join("")}` : ""}`;
  const server = await start(undefined, { config, adminKey, flags: ["--log-level", "error"] });
  const helper = new Helper("intruders_process.mjs");
  try {
    const company = await ordinary(server, clients, secure);
    await company.window(short ? 200 : 2000);
    const found = [];
    const before = new Map(await refusals(server));
    const full = [];
    let opened = 0;
    const round = async () => {
      const normal = await company.window(quiet);
      await helper.ask("begin", { kind, n: intruders, port: server.port, seed: seed + full.length });
      full.push(await helper.ask("full", { n: door }));
      const meanwhile = await company.window(attack);
      opened += await helper.ask("stop");
      await sleep(500); // what they left in the kernel goes
      return { normal, meanwhile };
    };
    for (let i = 0; i < rounds; ++i) found.push(await quietest(stolen, round));
    const perSecond = Math.round(opened / ((full.length * attack) / 1000));
    for (const [q, part] of Object.entries({ p50: 0.5, p99: 0.99 })) {
      const [normal, meanwhile] = ["normal", "meanwhile"].map((when) => quantile(found.flatMap(({ rows }) => rows[when]), part));
      figures.tell(`${kinds[kind]}: ${q}, normal and meanwhile`, `${normal.toFixed(2)} ${meanwhile.toFixed(2)}`, "ms");
      // A few hundred publishes have none to speak of, and those of all kinds come at once.
      if (!short) figures.bar(`${kinds[kind]}: ${q}, meanwhile / normal`, Math.round((100 * meanwhile) / normal) / 100, 1.2);
    }
    const worst = Math.max(...found.map(({ rows }) => quantile(rows.meanwhile, 0.99) / quantile(rows.normal, 0.99)));
    if (!short) figures.tell(`${kinds[kind]}: p99, meanwhile / normal, the worst window`, Math.round(100 * worst) / 100);
    if (!short) figures.tell(`${kinds[kind]}: the host took, at most`, Math.max(...found.map((one) => one.stolen)), "%");
    const counted = (await refusals(server)).map(([name, n]) => [/reason="(\w+)"/.exec(name)[1], n - (before.get(name) ?? 0)]).filter(([, n]) => n > 0);
    figures.tell(`${kinds[kind]}: at a time, opened in all`, `${Math.min(...full)} ${opened}`);
    figures.tell(`${kinds[kind]}: refused`, counted.map(([reason, n]) => `${reason} ${n}`).join(", ") || "none");
    // Who goes by itself was not refused.
    if (kind === "flicker") {
      figures.be(`${kinds[kind]}: at least ${flickers} a second, ${perSecond}`, perSecond >= flickers, true);
    } else {
      figures.be(`${kinds[kind]}: the refused are counted by reason`, counted.length > 0, true);
      figures.be(`${kinds[kind]}: as many as the door takes were there`, Math.min(...full) >= door, true);
      if (short) {
        // Each comes again until it is let wait; those who waited in the end went by themselves.
        const uncounted = opened - counted.reduce((sum, [, n]) => sum + n, 0);
        figures.bar(`${kinds[kind]}: opened, and not counted`, uncounted, intruders, "");
      }
    }
    figures.be(`${kinds[kind]}: ordinary clients that were closed`, company.clients.filter(({ closed }) => closed).length, 0);
    say(`${kinds[kind]}: done`);
    company.end();
  } finally {
    helper.end();
    await server.kill();
  }
}

export async function rehearse(how) {
  const figures = new Figures();
  const one = (kind) => besides(kind, { ...how, figures });
  if (how.short) await Promise.all(Object.keys(kinds).map(one));
  else for (const kind of Object.keys(kinds)) await one(kind);
  return figures;
}
