// confirmed publishes a second on the log in memory and on SQLite, by 1 publisher and by 64 with 16 in flight each
import { join } from 'node:path';
import { business, expectClean, wsload } from '../load.mjs';
import { withServer } from '../servers.mjs';

const onDisk = ({ place }) => ['--data-dir', join(place, 'data')];
const logs = {
  hubbub: {},
  'hubbub, SQLite': { flags: onDisk },
  'hubbub, SQLite sync=normal': { flags: onDisk, env: { HUBBUB_LOG_SYNC: 'normal' } },
};
// The confirmation repeats the command's id, and so bears wsload's marker. Nobody reads the rooms.
const frame = `{"op":"publish","id":"{payload}","room":"{room}","type":"m","data":"${'x'.repeat(128)}"}`;

export async function* run(bench) {
  for (const [publishers, inFlight] of [[1, 1], [64, 16]]) {
    const what = `publish, ${publishers} publisher${publishers > 1 ? 's' : ''}, ${inFlight} in flight`;
    for (const server of bench.turns(Object.keys(logs))) {
      yield* bench.measured(what, server, () => withServer('hubbub', async (s) => {
        const r = expectClean(await wsload(s, ['--mode', 'echo', '--n', bench.count(publishers), '--window', inFlight, '--size', 40, '--step', '<"welcome"',
          '--pub-frame', frame, '--secs', bench.secs, '--warmup', bench.warmup]));
        return [['publishes/s', r.deliveries_per_s, business(r)], ['us CPU per publish', r.server_cpu_us_per_delivery, business(r)],
          ['us p50', r.latency.p50_us], ['us p99', r.latency.p99_us]];
      }, logs[server]));
    }
  }
}

export const bars = [];
