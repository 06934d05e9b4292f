// How much is measured, and what beside hubbub: from the environment, as scripts/bench --help says.
import { availableParallelism, cpus } from 'node:os';

const smoke = Boolean(process.env.SMOKE);
const rounds = +(process.env.ROUNDS ?? (smoke ? 1 : 3));
const secs = +(process.env.SECS ?? (smoke ? 1 : 5));

export const settings = {
  smoke,
  rounds,
  secs,
  /** A round of a scenario from which the host stole more percent of the cores is measured again. */
  quiet: +(process.env.QUIET ?? 100),
  /** Which cases of the scenarios, by what they are called in the report. */
  only: new RegExp(process.env.ONLY ?? ''),
  warmup: smoke ? 0.2 : 1,
  /** The servers, as scripts/bench names them in PEERS. */
  chosen: ['hubbub', ...(process.env.PEERS ?? '').split(' ').filter(Boolean)],
  /** The server has one core, the load another. Undefined on a machine with only one. */
  cores: (availableParallelism?.() ?? cpus().length) > 1 ? { server: '0', load: '1', both: '0,1' } : {},
  /** As many as asked for; a few when only trying whether a scenario works. */
  count: (n) => (smoke ? Math.min(n, 50) : n),
  /** As long as asked for; a moment when only trying. */
  time: (seconds) => (smoke ? Math.min(seconds, 1) : seconds),
};
