// What a rehearsal found, with the bars that it must reach, as a table.

/** The `q`-th part of them, 0 to 1. */
export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] : NaN;
}

/**
 * The most in a second of what was seen at `[ms, late]`, sorted, where each may have come up to `late` ms earlier: what is
 * seen within a second came within that and the latest one's lateness.
 */
export function rate(seen) {
  let most = 0;
  for (let end = 0; end < seen.length; ++end)
    for (let begin = end, late = 0; begin >= 0 && seen[end][0] - seen[begin][0] < 1000; --begin) {
      late = Math.max(late, seen[begin][1]);
      most = Math.max(most, (end - begin + 1) / (1 + late / 1000));
    }
  return most;
}

export class Figures {
  rows = [];

  /** A figure that is only told. */
  tell(name, value, unit = "") { this.rows.push({ name, value, unit }); }
  /** One that must be at most `bar`; what is no number is not. `otherwise`: what it means when it is more. */
  bar(name, value, bar, unit, otherwise) {
    this.tell(name, value, unit);
    this.limit(name, bar, otherwise);
  }
  /** The same of one that was told already. */
  limit(name, bar, otherwise) {
    const row = this.rows.find((one) => one.name === name);
    if (!row) return this.bar(name, NaN, bar, "", otherwise);
    row.otherwise = otherwise;
    row.bar = `at most ${bar}${row.unit && ` ${row.unit}`}`;
    row.well = row.value <= bar;
  }
  /** One that must be `wanted`. */
  be(name, value, wanted) { this.rows.push({ name, value, unit: "", bar: String(wanted), well: value === wanted }); }

  get well() { return this.rows.every(({ well }) => well !== false); }

  toString() {
    const show = (value) => typeof value === "number" && !Number.isInteger(value) ? value.toFixed(value < 10 ? 2 : 0) : String(value);
    const lines = this.rows.map(({ name, value, unit, bar, well, otherwise }) =>
      [name, `${show(value)}${unit && ` ${unit}`}`, bar ?? "", well === undefined ? "" : well ? "ok" : `MISSED${otherwise ? `: ${otherwise}` : ""}`]);
    const widths = [0, 1, 2].map((i) => Math.max(...lines.map((line) => line[i].length)));
    return lines.map((line) => `  ${line[0].padEnd(widths[0])}  ${line[1].padStart(widths[1])}  ${line[2].padEnd(widths[2])}  ${line[3]}`.trimEnd()).join("\n");
  }
}
