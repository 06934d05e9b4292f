// What was measured, as text for people, and as JSON and PNG in a folder of its own in build/bench.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { headOf } from './about.mjs';
import { judge } from './bar.mjs';
import { doubts } from './doubts.mjs';
import { out, root } from './peers.mjs';
import { plot } from './plot.mjs';
import { table } from './table.mjs';

function chapter(name, rows) {
  const doubt = doubts(rows);
  return [`## ${name}`, '', ...(rows.some((r) => !r.failed) ? [table(rows), ''] : []), ...(doubt.length ? [...doubt, ''] : [])].join('\n');
}

function barsText(bars) {
  const goals = [...new Set(bars.map((b) => b.goal))];
  return goals.map((goal) => `## Bars: ${goal}\n\n${bars.filter((b) => b.goal === goal).map((b) => `    ${b.text}`).join('\n')}\n`).join('\n');
}

/** A place for one run's results. `write` may be called again and again as rows come; `draw` at the end. */
export function reportOf(about, attendance, scenarios) {
  const folder = join(out, about.date.replace(/[:.]/g, '-'));
  const shown = folder.slice(root.length).replace(/^\//, '');
  mkdirSync(folder, { recursive: true });
  return {
    shown,
    write(rows) {
      const bars = Object.values(scenarios).flatMap((s) => s.bars).map((bar) => judge(rows, bar)).filter(Boolean);
      const chapters = Object.keys(scenarios).filter((name) => rows.some((r) => r.scenario === name)).map((name) => chapter(name, rows.filter((r) => r.scenario === name)));
      const text = [headOf(about, attendance), '', ...chapters, barsText(bars)].join('\n');
      writeFileSync(join(folder, 'report.md'), `${text}\n`);
      writeFileSync(join(folder, 'rows.json'), JSON.stringify({ about, ...attendance, rows, bars }, null, 1));
      return text;
    },
    draw: (rows) => plot(folder, scenarios, rows),
  };
}
