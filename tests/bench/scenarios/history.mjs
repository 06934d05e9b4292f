// reading the last 100 events of a room, from the log in memory and from SQLite
import { join } from 'node:path';
import { events, publish } from '../admin.mjs';
import { business, expectClean, wsload } from '../load.mjs';
import { withServer } from '../servers.mjs';

const what = 'history of 100 events, 10 clients';
const logs = { hubbub: [], 'hubbub, SQLite': ({ place }) => ['--data-dir', join(place, 'data')] };
// The answer repeats the command's id, and so bears wsload's marker.
const read = '{"op":"history","id":"{payload}","room":"chat.past","limit":100}';

export async function* run(bench) {
  for (const server of bench.turns(Object.keys(logs))) {
    yield* bench.measured(what, server, () => withServer('hubbub', async (s) => {
      await publish(s, events(bench.count(1000), () => 'chat.past'));
      const r = expectClean(await wsload(s, ['--mode', 'echo', '--n', 10, '--window', 1, '--size', 40, '--step', '<"welcome"', '--pub-frame', read,
        '--secs', bench.secs, '--warmup', bench.warmup]));
      return [['reads/s', r.deliveries_per_s, business(r)], ['us CPU per read', r.server_cpu_us_per_delivery, business(r)],
        ['us p50', r.latency.p50_us], ['us p99', r.latency.p99_us]];
    }, { flags: logs[server] }));
  }
}

export const bars = [];
