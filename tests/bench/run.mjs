// Runs scenarios in alternating rounds and prints medians, spread and ratios. Called by scripts/bench.
import { availableParallelism, cpus } from 'node:os';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cores, hubbub } from './servers.mjs';
import { bars, scenarios } from './scenarios.mjs';
import { barLine, table } from './table.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');
const options = { rounds: +(process.env.ROUNDS ?? 3), secs: +(process.env.SECS ?? 5) };
const wanted = process.argv.slice(2);
const names = wanted.length ? wanted : Object.keys(scenarios);
for (const name of names) {
  if (scenarios[name]) continue;
  console.error(`scripts/bench: there is no scenario "${name}"; there are ${Object.keys(scenarios).join(', ')}`);
  process.exit(1);
}
if (!existsSync(hubbub)) { console.error(`scripts/bench: ${hubbub} is not there`); process.exit(1); }
if ((availableParallelism?.() ?? cpus().length) < 2) {
  console.error('scripts/bench: one core only: server and load share it, so compare nothing with other machines');
  cores.server = cores.load = undefined;
}

const ask = (command, ...args) => { try { return execFileSync(command, args, { cwd: root, encoding: 'utf8' }).trim(); } catch { return '?'; } };
const about = {
  date: new Date().toISOString(),
  commit: ask('git', 'describe', '--always', '--dirty'),
  machine: `${cpus().length} x ${cpus()[0]?.model.trim()}`,
  kernel: ask('uname', '-sr'),
  compiler: ask('g++', '--version').split('\n')[0],
  hubbub: ask(hubbub, 'version').split('\n')[0],
  uws: JSON.parse(readFileSync(join(here, 'peers/package.json'), 'utf8')).dependencies['@trufflesuite/uws-js-unofficial'],
  node: process.version,
  ...options,
};

const rows = [];
for (let round = 1; round <= options.rounds; round++) {
  for (const name of names) {
    process.stderr.write(`round ${round} of ${options.rounds}: ${name}\n`);
    for await (const row of scenarios[name](options)) rows.push({ round, ...row });
  }
}

console.log(`\n${about.hubbub} (${about.commit}), uWebSockets.js ${about.uws} on node ${about.node}`);
console.log(`${about.machine}, ${about.kernel}, ${about.compiler}; ${options.rounds} rounds of ${options.secs} s\n`);
console.log(table(rows));
console.log('');
const met = bars.map((bar) => barLine(rows, bar)).filter((b) => b);
for (const { text } of met) console.log(text);
const folder = join(root, 'build/bench');
mkdirSync(folder, { recursive: true });
const file = join(folder, `${about.date.replace(/[:.]/g, '-')}.json`);
writeFileSync(file, JSON.stringify({ about, rows, bars: met }, null, 2));
console.log(`\nAll figures: ${file.slice(root.length).replace(/^\//, '')}`);
