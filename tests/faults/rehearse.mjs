// Rehearsals of what brings everybody back at once, with bars that must be reached.
//
//   node tests/faults/rehearse.mjs [a|b|c|d|e|f|g|all] [--seed N] [--clients N] [--short]
//
// The same seed does the same things at about the same times; what the machine makes of it may differ.

import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { Stage } from "./stage.mjs";

const usage = `node tests/faults/rehearse.mjs [a|b|c|d|e|f|g|all] [--seed N] [--clients N] [--short]

  a  one of three nodes is killed                     (15000 clients)
  b  rolling restart of three nodes under load        (3000)
  c  all clients cut for 2 s again and again          (3000)
  d  rolling restart of the nats-servers              (1000)
  e  a node is stopped for 20 s and continued         (1000)
  f  10,000 connections that only take room           (50 beside them)
  g  heartbeats: idle connections, half-open peers    (19000)

  all      all of them, each with a cluster of its own
  --short  a to e, one after the other with one cluster and 300 clients; then f with 300 of each kind, all at once, and of g
           the half-open peers`;

const fail = (why) => {
  console.error(`rehearse: ${why}`);
  process.exit(2);
};
let asked;
try {
  asked = parseArgs({
    allowPositionals: true,
    options: { help: { type: "boolean" }, short: { type: "boolean" }, seed: { type: "string" }, clients: { type: "string" } },
  });
} catch (error) {
  fail(error.message);
}
const { values, positionals } = asked;
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const number = (name, otherwise) => {
  const value = Number(values[name] ?? otherwise);
  if (!Number.isInteger(value) || value < 1) fail(`--${name} must be a whole number above 0, not "${values[name]}"`);
  return value;
};

const files = {
  a: "node_killed", b: "rolling_restart", c: "all_cut", d: "nats_restart", e: "node_stopped", f: "bad_company", g: "heartbeats",
};
const sizes = { a: 15_000, b: 3000, c: 3000, d: 1000, e: 1000, f: 50, g: 19_000 };
const which = positionals[0] ?? "all";
if (positionals.length > 1 || (which !== "all" && !files[which])) fail(`there is no rehearsal "${positionals.join(" ")}"; --help tells which there are`);
const letters = which === "all" ? Object.keys(files) : [which];
const seed = number("seed", Date.now() % 1_000_000 + 1);
const clientsOf = (letter) => number("clients", values.short && letter <= "e" ? 300 : values.short ? 20 : sizes[letter]);
const how = values.short
  ? { short: true, pace: 100, events: 100, quiet: 3000, cuts: 2, stopped: 6000 }
  : { pace: 200, events: 150, quiet: 15_000, cuts: 5, stopped: 20_000 };

const began = Date.now();
const lines = [];
const say = (what) => {
  const line = `${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${what}`;
  lines.push(line);
  console.log(line);
};
const place = new URL("../../build/faults/", import.meta.url);
mkdirSync(place, { recursive: true });
const keep = (name, text) => writeFileSync(new URL(`rehearsal-${seed}-${name}.log`, place), text);

const missed = [];
function judge(letter, title, figures, sentences = []) {
  lines.push(String(figures));
  console.log(`\n(${letter}) ${title}\n${figures}\n`);
  for (const sentence of sentences) say(sentence);
  if (!figures.well) missed.push(letter);
}

say(`seed ${seed}`);
let stage;
const leave = async (letter) => {
  for (const [name, errors] of stage.errors()) keep(`${letter}-${name}`, errors);
  await stage.end();
  stage = undefined;
};
try {
  for (const letter of letters) {
    const { title, rehearse, alone } = await import(`./rehearsals/${files[letter]}.mjs`);
    const clients = clientsOf(letter);
    say(`(${letter}) ${title}`);
    if (alone) {
      if (stage) await leave("short");
      judge(letter, title, await rehearse({ ...how, seed, clients, say }));
      continue;
    }
    stage ??= await Stage.build({ ...how, seed, clients, say });
    await stage.begin();
    judge(letter, title, await rehearse(stage, how), stage.sentences);
    if (!values.short) await leave(letter);
  }
  if (stage) await leave("short");
} catch (error) {
  if (stage) for (const [name, errors] of stage.errors()) keep(`failed-${name}`, errors);
  say(error.stack);
  missed.push("an error");
}
say(missed.length ? `Missed: ${missed.join(", ")}.` : "All bars are reached.");
keep("all", `${lines.join("\n")}\n`);
process.exit(missed.length ? 1 : 0);
