// Rows as a table of text, which is Markdown, too.
import { figure, measured, median, ratios, spread } from './figures.mjs';

const unique = (values) => [...new Set(values)];

function lineOf(rows, what, unit, server) {
  const values = measured(rows, what, server, unit).map((r) => r.value);
  const over = server === 'hubbub' ? [] : ratios(rows, what, unit, 'hubbub', server);
  const ratio = over.length ? `${figure(median(over))} (${spread(over) || 'one round'})` : '';
  return [what, unit, server, figure(median(values)), spread(values), ratio];
}

/** One line for each case, unit and server, in the order in which they first came. */
export function table(rows) {
  const good = rows.filter((r) => !r.failed), head = ['', 'unit', 'server', 'median', 'spread', 'hubbub / it'];
  const lines = unique(good.map((r) => r.what)).flatMap((what) => {
    const those = good.filter((r) => r.what === what);
    return unique(those.map((r) => r.unit)).flatMap((unit) =>
      unique(those.filter((r) => r.unit === unit).map((r) => r.server)).map((server) => lineOf(rows, what, unit, server)));
  });
  const width = head.map((h, i) => Math.max(h.length, ...lines.map((l) => l[i].length)));
  const row = (l) => `| ${l.map((cell, i) => (i >= 3 ? cell.padStart(width[i]) : cell.padEnd(width[i]))).join(' | ')} |`;
  return [row(head), `|${width.map((w, i) => (i >= 3 ? `${'-'.repeat(w + 1)}:` : '-'.repeat(w + 2))).join('|')}|`, ...lines.map(row)].join('\n');
}
