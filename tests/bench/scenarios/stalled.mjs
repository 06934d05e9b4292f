// 1% of the readers read nothing for 30 s: the others' latency, memory, and what the stalled got afterwards
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { events, publish } from '../admin.mjs';
import { number } from '../bench.mjs';
import { business, expectClean, wsload } from '../load.mjs';
import { out } from '../peers.mjs';
import { withServer } from '../servers.mjs';
import { listSockets, sendMemory } from '../sockets.mjs';

// [readers, events/s, bytes of payload]. The second has enough stalled readers to see a page of memory in, and events large
// enough that their sockets are full long before the end.
const shapes = [[1000, 40, 128], [10000, 10, 1024]];
const servers = ['hubbub', 'uws', 'ws', 'socketio', 'socketio-uws', 'soketi', 'nats', 'nchan'];
const title = (readers, rate, size) => `${number(readers)} readers, ${rate} events/s of ${number(size)} bytes, 1% stalled`;
const without = (server) => `${server}, none stalled`;

// An application that reads nothing answers no ping either, and would be closed by the heartbeat before the 30 s are over.
const how = (server) => (server === 'hubbub' ? { env: { HUBBUB_LIMITS_PING: '2m' } } : {});

async function runOnce(bench, server, [readers, rate, size], stalled) {
  const folder = mkdtempSync(join(out, 'run-')), file = join(folder, 'sockets');
  try {
    return await withServer(server, async (s) => {
      // The room's log is full before, so that what the process grows by is not the log.
      if (server === 'hubbub') await publish(s, events(bench.count(1500), () => 'chat.r0').map((e) => ({ ...e, data: 'x'.repeat(size) })));
      const mode = stalled ? ['--mode', 'slow', '--slow-frac', 0.01, '--after', bench.time(5), '--at-stall-end', listSockets(s.port, file)] : ['--mode', 'fanout'];
      const r = expectClean(await wsload(s, [...mode, '--n', bench.count(readers), '--rate', rate, '--size', size, '--secs', bench.time(30), '--warmup', bench.warmup]));
      const memory = stalled ? sendMemory(file).sort((a, b) => b.held - a.held).slice(0, r.slow_subscribers) : [];
      return { ...r, memory };
    }, how(server));
  } finally { rmSync(folder, { recursive: true, force: true }); }
}

const grown = (r) => r.server_after.rss - r.server_subscribed.rss;

export async function* run(bench) {
  for (const shape of shapes) {
    const what = title(...shape);
    for (const server of bench.turns(servers)) {
      let plain;
      yield* bench.measured(what, without(server), async () => {
        plain = await runOnce(bench, server, shape, false);
        return [['us p99', plain.latency.p99_us, business(plain)], ['bytes grown', grown(plain)]];
      });
      yield* bench.measured(what, server, async () => {
        const r = await runOnce(bench, server, shape, true);
        const more = { ...business(r), samples: r.samples_t_rssMiB_ktcpMiB, memory: r.memory };
        const n = r.slow_subscribers, frame = Math.ceil(r.wire_bytes_per_delivery);
        const rows = [['us p99', r.latency.p99_us, more], ['bytes grown', grown(r)]];
        if (plain) rows.push(['frames grown per stalled', Math.max(0, grown(r) - grown(plain)) / n / frame]);
        rows.push(['bytes of kernel memory per stalled, most', r.memory[0]?.held ?? 0], ['of what a socket may hold', r.memory[0] ? r.memory[0].held / r.memory[0].may : 0]);
        rows.push(['stalled closed', r.slow_closed_by_server_during + r.slow_closed_by_server_after_reading]);
        rows.push(['events missed by the stalled', n * r.slow_expected_each - r.slow_deliveries_after_reading]);
        return rows;
      });
    }
  }
}

export const bars = shapes.flatMap((shape, i) => {
  const what = title(...shape);
  return [
    { what, unit: 'us p99', against: without('hubbub'), atMost: 1.1 },
    ...(i === 1 ? [{ what, unit: 'frames grown per stalled', atMost: 1 }] : []),
    // The kernel asks whether there is room before it takes a frame, and so takes one more than fits.
    { what, unit: 'of what a socket may hold', atMost: 1.02 },
    { what, unit: 'events missed by the stalled', atMost: 0 },
  ];
});
