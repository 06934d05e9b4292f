// A bar is what must be reached: hubbub's own value, or its ratio to another server's within each round.
//   { goal?, what, unit, server = 'hubbub', against?, atMost | atLeast }
import { figure, measured, median, ratios, spread } from './figures.mjs';

/** Is it met? Undefined when there is nothing to compare. */
export function judge(rows, { goal = 'beside the best', server = 'hubbub', ...bar }) {
  const { what, unit, against, atMost, atLeast } = bar;
  const values = against ? ratios(rows, what, unit, server, against) : measured(rows, what, server, unit).map((r) => r.value);
  if (!values.length) return undefined;
  const m = median(values), met = atMost !== undefined ? m <= atMost : m >= atLeast;
  const limit = atMost !== undefined ? `at most ${figure(atMost)}` : `at least ${figure(atLeast)}`;
  const measure = against ? `${unit}, ${server} / ${against}` : unit;
  const between = spread(values) ? ` (${spread(values)})` : '';
  return { goal, server, ...bar, median: m, met, text: `${met ? 'met   ' : 'MISSED'}  ${what}: ${figure(m)}${between} ${measure}; ${limit}` };
}
