// one room of 1,000 and of 10,000 readers; 1, 16 and (at 1,000) 128 events in flight
import { number } from '../bench.mjs';
import { costs, fan } from '../fan.mjs';

const shapes = [[1000, [1, 16, 128]], [10000, [1, 16]]];
const servers = ['hubbub', 'uws', 'ws', 'socketio', 'socketio-uws', 'soketi', 'nats', 'nchan', 'floor'];
const title = (readers, inFlight) => `fan-out ${number(readers)}, ${inFlight} in flight`;

export async function* run(bench) {
  for (const [readers, windows] of shapes) {
    for (const inFlight of windows) {
      const what = title(readers, inFlight);
      for (const server of bench.turns(servers)) {
        yield* bench.measured(what, server, async () => {
          // One send for each delivery is the least with one event in flight; with more, one for each socket and turn.
          const variant = server === 'floor' && inFlight > 1 ? 'floor-batch' : server;
          return costs(await fan(what, variant, ['--mode', 'fanout', '--n', bench.count(readers), '--window', inFlight]));
        });
      }
    }
  }
}

const cpu = (readers, inFlight, against, atMost, goal) => ({ goal, what: title(readers, inFlight), unit: 'us CPU per delivery', against, atMost });
export const bars = [
  cpu(1000, 1, 'uws', 1.25, 'one node'),
  cpu(1000, 16, 'uws', 1.25, 'one node'),
  { goal: 'one node', what: title(1000, 128), unit: 'deliveries/s', against: 'uws', atLeast: 5 },
  cpu(1000, 1, 'uws', 1.1),
  cpu(10000, 1, 'uws', 1.1),
  cpu(1000, 16, 'uws', 1),
  cpu(10000, 16, 'uws', 1),
  cpu(1000, 16, 'floor', 1.25),
  cpu(10000, 16, 'floor', 1.25),
  { what: title(1000, 128), unit: 'deliveries/s', against: 'uws', atLeast: 10 },
];
