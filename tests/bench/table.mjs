// Medians, spread and ratios as text.

const median = (values) => {
  const v = [...values].sort((a, b) => a - b), m = v.length >> 1;
  return v.length % 2 ? v[m] : (v[m - 1] + v[m]) / 2;
};

const figure = (x) => (x >= 1000 ? Math.round(x).toLocaleString('en-US') : x >= 10 ? x.toFixed(1) : x.toPrecision(2));

const measured = (rows, what, server, unit) => rows.filter((r) => r.what === what && r.server === server && r.unit === unit);

/** hubbub's value over another server's, round by round. */
function ratios(rows, what, unit, against) {
  return measured(rows, what, 'hubbub', unit).flatMap((mine) => {
    const other = measured(rows, what, against, unit).find((r) => r.round === mine.round);
    return other ? [mine.value / other.value] : [];
  });
}

const spread = (values) => (values.length > 1 ? `${figure(Math.min(...values))} - ${figure(Math.max(...values))}` : '');

/** A table with one line for each scenario, server and unit. */
export function table(rows) {
  const head = ['', 'server', 'unit', 'median', 'spread', 'hubbub / it'];
  const seen = new Set(), lines = [];
  for (const { what, server, unit } of rows) {
    const key = [what, unit, server].join('|');
    if (seen.has(key)) continue;
    seen.add(key);
    const values = measured(rows, what, server, unit).map((r) => r.value);
    const over = server === 'hubbub' ? [] : ratios(rows, what, unit, server);
    lines.push([what, server, unit, figure(median(values)), spread(values), over.length ? `${figure(median(over))} (${spread(over) || 'one round'})` : '']);
  }
  const order = (l) => l[0] + l[2];
  lines.sort((a, b) => (order(a) < order(b) ? -1 : order(a) > order(b) ? 1 : 0));
  const width = head.map((h, i) => Math.max(h.length, ...lines.map((l) => l[i].length)));
  const row = (l) => `| ${l.map((cell, i) => (i >= 3 ? cell.padStart(width[i]) : cell.padEnd(width[i]))).join(' | ')} |`;
  return [row(head), `|${width.map((w, i) => (i >= 3 ? `${'-'.repeat(w + 1)}:` : '-'.repeat(w + 2))).join('|')}|`, ...lines.map(row)].join('\n');
}

/** One sentence: is a bar met? Undefined when its scenario was not run. */
export function barLine(rows, bar) {
  const values = bar.against ? ratios(rows, bar.what, bar.unit, bar.against) : measured(rows, bar.what, 'hubbub', bar.unit).map((r) => r.value);
  if (!values.length) return undefined;
  const m = median(values), met = bar.atMost !== undefined ? m <= bar.atMost : m >= bar.atLeast;
  const limit = bar.atMost !== undefined ? `at most ${bar.atMost}` : `at least ${bar.atLeast}`;
  const of = bar.against ? ` (hubbub / ${bar.against})` : '';
  return { ...bar, median: m, met, text: `${met ? 'met   ' : 'MISSED'}  ${bar.what}: ${figure(m)} ${bar.unit}${of}, ${limit}` };
}
