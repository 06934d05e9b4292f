// a client publishes and waits for its own event: 1 client, and 100 at once
import { number } from '../bench.mjs';
import { costs, fan, latencies } from '../fan.mjs';

const servers = ['hubbub', 'uws', 'ws', 'socketio', 'socketio-uws', 'nats', 'floor'];

export async function* run(bench) {
  for (const clients of [1, 100]) {
    const what = `echo, ${number(clients)} client${clients > 1 ? 's' : ''}`;
    for (const server of bench.turns(servers)) {
      yield* bench.measured(what, server, async () => {
        const r = await fan(what, server, ['--mode', 'echo', '--n', bench.count(clients), '--window', 1]);
        const [[, cpu, more], [, rate]] = costs(r);
        return [['us CPU per echo', cpu, more], ['echoes/s', rate, more], ...latencies(r)];
      });
    }
  }
}

export const bars = [];
