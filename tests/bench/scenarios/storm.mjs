// 10,000 clients dropped at once, until all are back (256 handshakes at a time); hubbub's have caught up, too
import { wsload } from '../load.mjs';
import { withServer } from '../servers.mjs';

const what = 'storm of 10,000', back = 's until all are back';
const servers = ['hubbub', 'uws', 'ws', 'socketio', 'socketio-uws', 'soketi', 'nats', 'nchan'];
const median = (storms, key) => storms.map((s) => s[key]).sort((a, b) => a - b)[storms.length >> 1];

export async function* run(bench) {
  const n = bench.count(10000);
  for (const server of bench.turns(servers)) {
    yield* bench.measured(what, server, async () => {
      // 20 events are published while everybody is away. The others' clients only connect and subscribe again.
      const away = server === 'hubbub' ? ['--away', 20] : [];
      // What is measured is work: the load cannot wait for as long as hubbub would ask it to when its loop lags.
      const how = { env: { HUBBUB_LIMITS_HANDSHAKES_PER_SECOND: '1000000' } };
      const r = await withServer(server, (s) => wsload(s, ['--mode', 'storm', '--n', n, '--storms', bench.smoke ? 1 : 3, '--settle', bench.time(2), ...away]), how);
      if (r.storms.some((s) => s.ready !== n)) throw new Error(`not all came back: ${r.storms.map((s) => s.ready)} (${r.first_error})`);
      if (r.duplicated || r.out_of_order) throw new Error(`${r.duplicated} events twice, ${r.out_of_order} out of order`);
      const busy = { load_cpu_pct: median(r.storms.map((s) => ({ pct: (s.own_cpu_us_each * n) / 1e4 / s.caught_up_s })), 'pct'), storms: r.storms };
      const rows = [[back, median(r.storms, 'caught_up_s'), busy], ['us CPU of the server each', median(r.storms, 'server_cpu_us_each'), busy]];
      if (away.length) {
        rows.push(['s until all are joined', median(r.storms, 'total_s'), busy], ['events missed', r.storms.reduce((sum, s) => sum + s.missed, 0)]);
        rows.push(['not recovered', r.storms.reduce((sum, s) => sum + n - s.recovered, 0)]);
      }
      return rows;
    });
  }
}

export const bars = [
  { what, unit: back, against: 'uws', atMost: 1.5 },
  { what, unit: 'events missed', atMost: 0 },
  { what, unit: 'not recovered', atMost: 0 },
];
