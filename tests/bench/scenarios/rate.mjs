// 40 events a second to 1,000 and to 10,000 readers: how long an event is on its way
import { number } from '../bench.mjs';
import { costs, fan, latencies } from '../fan.mjs';

const servers = ['hubbub', 'uws', 'ws', 'socketio', 'socketio-uws', 'soketi', 'nats', 'nchan', 'floor'];
const title = (readers) => `${number(readers)} readers, 40 events/s`;

export async function* run(bench) {
  for (const readers of [1000, 10000]) {
    const what = title(readers);
    for (const server of bench.turns(servers)) {
      yield* bench.measured(what, server, async () => {
        // At 10,000 the events of ten seconds make a p99 of four.
        const secs = bench.time(Math.max(10, bench.secs));
        const r = await fan(what, server, ['--mode', 'fanout', '--n', bench.count(readers), '--rate', 40, '--secs', secs, '--drain', 10]);
        return [...latencies(r), costs(r)[0]];
      });
    }
  }
}

const both = (readers, against, atMost) => ['us p50', 'us p99'].map((unit) => ({ what: title(readers), unit, against, atMost }));
export const bars = [
  ...both(1000, 'uws', 1.1), ...both(10000, 'uws', 1.1),
  ...both(1000, 'socketio', 0.6), ...both(1000, 'soketi', 0.6),
  ...both(10000, 'socketio', 0.75), ...both(10000, 'soketi', 0.75),
];
