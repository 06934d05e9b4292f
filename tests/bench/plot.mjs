// Plots as PNG, by gnuplot: of each scenario its first unit and those with a bar.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { measured, median } from './figures.mjs';

const unique = (values) => [...new Set(values)];
const quoted = (text) => `"${String(text).replace(/["\\]/g, ' ')}"`;
// Short lines, for what stands below a column.
function lined(text) {
  const lines = [''];
  for (const word of text.split(' ')) {
    if (lines.at(-1) && lines.at(-1).length + word.length > 15) lines.push(word);
    else lines.push([lines.pop(), word].filter(Boolean).join(' '));
  }
  return lines;
}
const stats = (values) => [median(values), Math.min(...values), Math.max(...values)];

const head = (file, title, unit) => `set terminal pngcairo size 1200,640 noenhanced font "sans,11"
set output ${quoted(file)}
set title ${quoted(title)}
set ylabel ${quoted(unit)}
set grid y
set key outside right top
`;

// Where values lie far apart, small ones would be invisible.
const axis = (values) => {
  const some = values.filter((v) => v > 0);
  return some.length && Math.max(...some) / Math.min(...some) > 30 ? 'set logscale y\n' : 'set yrange [0:*]\n';
};

/** Cases side by side, one bar for each server with its spread. */
function columns(file, name, unit, rows) {
  const cases = unique(rows.map((r) => r.what)), servers = unique(rows.map((r) => r.server));
  const lines = cases.map((what) => [`"${lined(what).map((l) => quoted(l).slice(1, -1)).join('\\n')}"`, ...servers.flatMap((s) => {
    const values = measured(rows, what, s, unit).map((r) => r.value);
    return values.length ? stats(values) : ['NaN', 'NaN', 'NaN'];
  })].join(' '));
  const series = servers.map((s, i) => `$data using ${3 * i + 2}:${3 * i + 3}:${3 * i + 4}:xtic(1) title ${quoted(s)}`);
  return `${head(file, name, unit)}${axis(rows.map((r) => r.value))}$data << EOD
${lines.join('\n')}
EOD
set style data histograms
set style histogram errorbars gap 1 lw 1
set style fill solid 0.8
set xtics nomirror font ",9"
set bmargin ${1 + Math.max(...cases.map((what) => lined(what).length))}
plot ${series.join(', ')}
`;
}

/** One line for each server over what grows. */
function lines(file, name, unit, rows) {
  const servers = unique(rows.map((r) => r.server));
  const blocks = servers.map((s, i) => {
    const xs = unique(rows.filter((r) => r.server === s).map((r) => r.x));
    return `$s${i} << EOD\n${xs.map((x) => [x, ...stats(rows.filter((r) => r.server === s && r.x === x).map((r) => r.value))].join(' ')).join('\n')}\nEOD\n`;
  });
  const series = servers.map((s, i) => `$s${i} using 1:2:3:4 with yerrorlines pt 7 title ${quoted(s)}`);
  return `${head(file, `${name} of ${rows[0].line}`, unit)}set xlabel ${quoted(rows[0].line)}
set logscale x
${axis(rows.map((r) => r.value))}${blocks.join('')}plot ${series.join(', ')}
`;
}

function plotsOf(name, rows, bars) {
  const good = rows.filter((r) => !r.failed), units = unique([good[0]?.unit, ...bars.map((b) => b.unit)]);
  return units.flatMap((unit) => {
    const those = good.filter((r) => r.unit === unit);
    if (those.every((r) => r.value === 0)) return [];
    const over = unique(those.map((r) => r.line).filter(Boolean));
    const file = (more) => `${[name, unit, more].filter(Boolean).join(' ').replace(/%/g, 'percent').replace(/[^A-Za-z0-9]+/g, '-')}.png`;
    if (over.length) return over.map((line) => [file(line), (to) => lines(to, name, unit, those.filter((r) => r.line === line))]);
    return [[file(), (to) => columns(to, name, unit, those)]];
  });
}

/** Draws what `rows` of each scenario say into `folder`. Answers the files' names, and why there are none. */
export function plot(folder, scenarios, rows) {
  const files = [];
  for (const [name, { bars }] of Object.entries(scenarios)) {
    for (const [file, script] of plotsOf(name, rows.filter((r) => r.scenario === name), bars)) {
      const text = script(join(folder, file)), done = spawnSync('gnuplot', { input: text, encoding: 'utf8' });
      if (done.error) return { files, why: 'gnuplot is not there' };
      if (done.status !== 0) { writeFileSync(join(folder, `${file}.gnuplot`), text); return { files, why: `gnuplot did not understand ${file}: ${done.stderr.trim()}` }; }
      files.push(file);
    }
  }
  return { files };
}
