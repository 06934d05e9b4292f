// What several rounds say together.

export function median(values) {
  const v = [...values].sort((a, b) => a - b), m = v.length >> 1;
  return v.length % 2 ? v[m] : (v[m - 1] + v[m]) / 2;
}

/** A figure as people read it: 1,234 and 12.3 and 0.0123. */
export function figure(x) {
  if (x === 0) return '0';
  const size = Math.abs(x);
  return size >= 1000 ? Math.round(x).toLocaleString('en-US') : size >= 10 ? x.toFixed(1) : x.toPrecision(3);
}

/** "least - most", or nothing when there is only one. */
export const spread = (values) => (values.length > 1 ? `${figure(Math.min(...values))} - ${figure(Math.max(...values))}` : '');

export const measured = (rows, what, server, unit) => rows.filter((r) => !r.failed && r.what === what && r.server === server && r.unit === unit);

/** One server's value over another's, round by round. */
export function ratios(rows, what, unit, server, against) {
  return measured(rows, what, server, unit).flatMap((mine) => {
    const other = measured(rows, what, against, unit).find((r) => r.round === mine.round);
    return other?.value ? [mine.value / other.value] : [];
  });
}
