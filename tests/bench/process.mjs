// What the kernel says of one process and its children: memory and time.
import { readFileSync, readdirSync } from 'node:fs';

const read = (file) => { try { return readFileSync(file, 'utf8'); } catch { return ''; } };

/** The process and all that it started, as pids. */
export function family(pid) {
  const parents = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    parents.set(+name, +stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  }
  const all = [pid];
  for (const one of all) for (const [child, parent] of parents) if (parent === one) all.push(child);
  return all;
}

/** Resident bytes. */
export function resident(pid) {
  return family(pid).reduce((sum, p) => sum + 4096 * +(read(`/proc/${p}/statm`).split(' ')[1] ?? 0), 0);
}

/** By how many bytes one process has grown since, when that is called: resident, and of these its own, of no file. */
export function grown(pid) {
  const look = () => {
    const text = read(`/proc/${pid}/smaps_rollup`);
    return ['Rss', 'Anonymous'].map((name) => 1024 * +(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1] ?? NaN));
  };
  const before = look();
  return () => {
    const [resident, anonymous] = look().map((now, i) => now - before[i]);
    return { resident, anonymous };
  };
}

/** Nanoseconds that the scheduler gave to all threads so far. */
export function cpuTime(pid) {
  let sum = 0;
  for (const p of family(pid)) {
    let tasks = [];
    try { tasks = readdirSync(`/proc/${p}/task`); } catch { /* it has ended */ }
    for (const t of tasks) sum += +(read(`/proc/${p}/task/${t}/schedstat`).split(' ')[0] ?? 0);
  }
  return sum;
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
