// What a reader should know before believing a figure.
import { median } from './figures.mjs';

// [key of a row, above which value, what to say of it]
const causes = [
  ['load_cpu_pct', 80, 'the load generator was near its own limit (% of its core)'],
  ['foreign_cpu_pct', 20, 'others used the machine meanwhile (% of a core)'],
  ['stolen_pct', 5, "the machine's host gave its cores to others while they were wanted (% of that time)"],
];
const saturated = ['server_cpu_pct', 95, 'the server was at its limit, and the latency is that of a queue (% of its core)'];

function mention(rows, [key, limit, words]) {
  const seen = new Map();
  for (const r of rows) if (r[key] !== undefined) seen.set(`${r.what}: ${r.server}`, [...(seen.get(`${r.what}: ${r.server}`) ?? []), r[key]]);
  const cases = [...seen].map(([name, values]) => [name, median(values)]).filter(([, m]) => m > limit).sort(([, a], [, b]) => b - a);
  if (!cases.length) return [];
  const worst = cases.slice(0, 3).map(([name, m]) => `${name} ${Math.round(m)}`);
  return [`- ${words}: in ${cases.length} of ${seen.size} cases, ${worst.join('; ')}${cases.length > 3 ? '; …' : ''}`];
}

/** Sentences about rows. */
export function doubts(rows) {
  const failed = rows.filter((r) => r.failed).map((r) => `- ${r.what}, ${r.server}, round ${r.round}: did not work: ${r.failed}`);
  return [...failed, ...causes.flatMap((cause) => mention(rows, cause)), ...mention(rows.filter((r) => r.unit === 'us p99' && / events\/s/.test(r.what)), saturated)];
}
