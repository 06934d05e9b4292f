// What the real binary knows, asked of itself.

import { readFileSync } from "node:fs";

import { binary, run } from "../../integration/support/server.mjs";

export { binary, eventually, request, run, start, temporaryDirectory, within } from "../../integration/support/server.mjs";

/**
 * What deploy/ names and the binary does not have yet. A name that the binary has must not be here: whoever builds it
 * takes it out, so that from then on it is asked for.
 */
export const coming = new Set(readFileSync(new URL("../coming.txt", import.meta.url), "utf8")
  .split("\n").map((line) => line.replace(/#.*/, "").trim()).filter(Boolean));

let bytes;
/** Counters with labels are in /metrics only once they have counted, but their names are in the program. */
const literal = (name) => (bytes ??= readFileSync(binary)).includes(`\0${name}\0`);

/** The words of the program that are a name beginning so. */
export const namesInProgram = (begin) =>
  new Set([...(bytes ??= readFileSync(binary)).toString("latin1").matchAll(new RegExp(`(?<=\\0)${begin}[a-z_]+(?=\\0)`, "g"))].map(([name]) => name));

const named = (samples, name) => [...samples.keys()].filter((sample) => sample.split("{")[0] === name);

/** Does /metrics have it, now or when it has something to count? */
export const hasMetric = (samples, name) => named(samples, name).length > 0 || literal(name);

/** The labels of a metric's samples; undefined when it has none yet. */
export function labelsOf(samples, name) {
  const own = named(samples, name);
  return own.length ? new Set(own.flatMap((sample) => [...sample.matchAll(/[{,]([a-z_]+)="/g)].map((m) => m[1]))) : undefined;
}

/** The flags that a command's help names. */
export async function flagsOf(...command) {
  const { stdout } = await run([...command, "--help"]);
  return new Set(stdout.match(/--[a-z0-9-]+/g));
}

/** Those that the program does not know: it says so, or says nothing; no setting may hold a control character, so it complains of each that it reads. */
export async function unknownVariables(names) {
  const { stdout } = await run(["serve", "--help"]);
  const others = names.filter((name) => !stdout.includes(`(${name})`));
  const { stderr } = await run(["serve"], { env: Object.fromEntries(others.map((name) => [name, "\u0001"])) });
  return others.filter((name) => !stderr.includes(`${name}: `) || stderr.includes(`${name}: there is no such variable`));
}
