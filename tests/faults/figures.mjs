// What a rehearsal found, with the bars that it must reach, as a table.

/** The `q`-th part of them, 0 to 1. */
export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] : NaN;
}

/** The most of sorted `times` (ms) within any window of `ms`. */
export function peak(times, ms = 1000) {
  let most = 0;
  for (let begin = 0, end = 0; end < times.length; ++end) {
    while (times[end] - times[begin] >= ms) ++begin;
    most = Math.max(most, end - begin + 1);
  }
  return most;
}

export class Figures {
  rows = [];

  /** A figure that is only told. */
  tell(name, value, unit = "") { this.rows.push({ name, value, unit }); }
  /** One that must be at most `bar`; what is no number is not. */
  bar(name, value, bar, unit) {
    this.tell(name, value, unit);
    this.limit(name, bar);
  }
  /** The same of one that was told already. */
  limit(name, bar) {
    const row = this.rows.find((one) => one.name === name);
    if (!row) return this.bar(name, NaN, bar);
    row.bar = `at most ${bar}${row.unit && ` ${row.unit}`}`;
    row.well = row.value <= bar;
  }
  /** One that must be `wanted`. */
  be(name, value, wanted) { this.rows.push({ name, value, unit: "", bar: String(wanted), well: value === wanted }); }

  get well() { return this.rows.every(({ well }) => well !== false); }

  toString() {
    const show = (value) => typeof value === "number" && !Number.isInteger(value) ? value.toFixed(value < 10 ? 2 : 0) : String(value);
    const lines = this.rows.map(({ name, value, unit, bar, well }) =>
      [name, `${show(value)}${unit && ` ${unit}`}`, bar ?? "", well === undefined ? "" : well ? "ok" : "MISSED"]);
    const widths = [0, 1, 2].map((i) => Math.max(...lines.map((line) => line[i].length)));
    return lines.map((line) => `  ${line[0].padEnd(widths[0])}  ${line[1].padStart(widths[1])}  ${line[2].padEnd(widths[2])}  ${line[3]}`.trimEnd()).join("\n");
  }
}
