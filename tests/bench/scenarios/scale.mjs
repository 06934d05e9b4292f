// CPU per delivery as rooms go from 10 to 100,000 and connections from 1,000 to 19,000
import { number } from '../bench.mjs';
import { doublings } from '../doubling.mjs';
import { costs, fan } from '../fan.mjs';

// Rooms of 10 readers on 1,000 connections (10 rooms: on 100), so that nothing grows but the rooms: a connection is in up to 1,000.
// Connections: readers of one room, one event in flight.
const kinds = [
  {
    of: 'rooms', servers: ['hubbub', 'uws'], points: [10, 100, 1000, 10000, 100000], title: (x) => `${number(x)} rooms of 10`,
    // Fewer events in flight than rooms, and neighbours have different readers: each delivery is a write of its own.
    args: (x) => ['--mode', 'rooms', '--rooms', x, '--subs', 10, '--joins', Math.max(1, x / 100), '--pubs', 4, '--window', 8, '--connect-timeout', 300],
    how: { env: { HUBBUB_LIMITS_ROOMS: '1000' } },
  },
  {
    of: 'connections', servers: ['hubbub', 'uws', 'floor'], points: [1000, 2000, 4000, 8000, 16000, 19000], title: (x) => `${number(x)} connections, one room`,
    args: (x) => ['--mode', 'fanout', '--n', x, '--window', 1, '--connect-timeout', 300],
  },
];
const step = (of) => (from, to) => `from ${number(from)} to ${number(to)} ${of}`;
// The last step of connections is too short to be multiplied up to a doubling.
const whole = (points) => points.filter((x, i) => i === 0 || x >= 2 * points[i - 1]);

export async function* run(bench) {
  for (const { of, servers, points, title, args, how } of kinds) {
    const seen = {};
    for (const x of points) {
      for (const server of bench.turns(servers)) {
        const few = bench.smoke ? 2 + Math.round((x / points.at(-1)) * 50) : x;
        for await (const row of bench.measured(title(x), server, async () => [costs(await fan(title(x), server, args(few), how))[0]])) {
          if (!row.failed) (seen[server] ??= []).push([x, row.value]);
          yield { ...row, line: of, x };
        }
      }
    }
    for (const server of Object.keys(seen)) {
      const full = seen[server].filter(([x]) => whole(points).includes(x));
      for (const row of doublings(full, step(of))) yield { ...row, server };
    }
  }
}

export const bars = kinds.flatMap(({ of, points }) => doublings(whole(points).map((x) => [x, 1]), step(of)).map(({ what, unit }) => ({ what, unit, atMost: 1.1 })));
