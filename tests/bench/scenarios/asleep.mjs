// what a server takes of a core while nobody is there
import { cpuTime, sleep } from '../process.mjs';
import { withServer } from '../servers.mjs';

const what = 'asleep';

export async function* run(bench) {
  for (const server of bench.turns(['hubbub', 'uws'])) {
    yield* bench.measured(what, server, () => withServer(server, async (s) => {
      await sleep(1000 * bench.time(2));
      const before = cpuTime(s.pid), from = process.hrtime.bigint();
      await sleep(1000 * bench.time(Math.max(10, bench.secs)));
      return [['% of a core', (100 * (cpuTime(s.pid) - before)) / Number(process.hrtime.bigint() - from)]];
    }));
  }
}

export const bars = [{ goal: 'one node', what, unit: '% of a core', atMost: 0.5 }];
