// Runs scenarios in alternating rounds and reports. Called by scripts/bench, which has looked at the names.
import { existsSync } from 'node:fs';
import { about, attendance } from './about.mjs';
import { benchOf } from './bench.mjs';
import { quietest } from './host.mjs';
import { hubbub } from './peers.mjs';
import { reportOf } from './report.mjs';
import { killAll } from './servers.mjs';
import { settings } from './settings.mjs';

// Nothing is left behind, also when somebody has seen enough.
process.on('exit', killAll);
for (const [name, code] of [['SIGINT', 130], ['SIGTERM', 143]]) process.on(name, () => process.exit(code));

if (!existsSync(hubbub)) { console.error(`scripts/bench: ${hubbub} is not there`); process.exit(1); }
const scenarios = {};
for (const name of process.argv.slice(2)) scenarios[name] = await import(`./scenarios/${name}.mjs`);

const there = attendance();
settings.chosen = Object.keys(there.here);
const report = reportOf(about(), there, scenarios);
const rows = [];
for (let round = 1; round <= settings.rounds; round++) {
  for (const [scenario, { run }] of Object.entries(scenarios)) {
    process.stderr.write(`round ${round} of ${settings.rounds}: ${scenario}\n`);
    const { rows: found, stolen } = await quietest(settings.quiet, async () => {
      const found = [];
      for await (const row of run(benchOf(round))) {
        found.push(row);
        if (row.failed) process.stderr.write(`  ${row.what}, ${row.server}: ${row.failed}\n`);
        report.write([...rows, ...found.map((row) => ({ scenario, round, ...row }))]);
      }
      return found;
    });
    rows.push(...found.map((row) => ({ scenario, round, stolen_pct: stolen, ...row })));
    report.write(rows);
  }
}
console.log(`\n${report.write(rows)}`);
const { files, why } = report.draw(rows);
console.log(`${report.shown}: report.md, rows.json${files.length ? ` and ${files.length} plots` : ''}${why ? `; ${why}` : ''}`);
// A peer may fail; hubbub may not.
process.exit(rows.some((r) => r.failed && r.server.startsWith('hubbub')) ? 1 : 0);
