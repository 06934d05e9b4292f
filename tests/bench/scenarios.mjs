// What is measured, one function for each scenario. Each yields rows {what, server, unit, value} of one round.
import { servers, start, wsload } from './servers.mjs';
import { cpuTime, resident, sleep } from './process.mjs';

// The length of hubbub's event frame for the payload, learnt from its first run; the floor sends as much.
let frameBytes;

async function withServer(name, use) {
  const server = await start(name);
  try { return await use(server); } finally { await server.stop(); }
}

/** 1,000 readers of one room; 1, 16 and 128 events on their way at a time. */
async function* fanout(options) {
  for (const window of [1, 16, 128]) {
    for (const name of ['hubbub', 'uws', 'floor']) {
      const server = name === 'floor' && window > 1 ? 'floor-batch' : name;
      const like = servers[server].likeHubbub && frameBytes;
      const size = like ? frameBytes - 4 : 128;
      const r = await withServer(server, (s) => wsload(s, ['--mode', 'fanout', '--n', 1000, '--window', window, '--size', size,
        '--secs', options.secs, '--warmup', 1]));
      if (r.failed || r.lost || r.duplicated || r.out_of_order || r.closed_by_server)
        throw new Error(`${server} with ${window} in flight: ${JSON.stringify({ failed: r.failed, lost: r.lost, duplicated: r.duplicated, out_of_order: r.out_of_order, closed: r.closed_by_server, first: r.first_error })}`);
      if (name === 'hubbub') frameBytes = Math.round(r.wire_bytes_per_delivery);
      const what = `fan-out 1,000, ${window} in flight`;
      const more = { wire_bytes: r.wire_bytes_per_delivery, foreign_cpu_pct: r.foreign_cpu_pct, latency: r.latency };
      yield { what, server: name, unit: 'us CPU per delivery', value: r.server_cpu_us_per_delivery, ...more };
      yield { what, server: name, unit: 'deliveries/s', value: r.deliveries_per_s, ...more };
    }
  }
}

/** 10,000 connections, each joined to one room, nothing going on. */
async function* idle() {
  for (const name of ['hubbub', 'uws']) {
    const r = await withServer(name, (s) => wsload(s, ['--mode', 'idle', '--n', 10000, '--hold', 5, '--settle', 3]));
    if (r.opened !== 10000) throw new Error(`${name}: only ${r.opened} of 10,000 connections opened (${r.first_error})`);
    const what = '10,000 idle joined connections';
    yield { what, server: name, unit: 'resident bytes each', value: r.rss_bytes_per_conn };
    yield { what, server: name, unit: '% of a core', value: r.idle_server_cpu_pct };
  }
}

/** 100,000 rooms with one event each and no reader. */
async function* rooms() {
  const count = 100_000, batch = 250;
  const grown = await withServer('hubbub', async (s) => {
    const post = async (from) => {
      const events = Array.from({ length: batch }, (_, i) => ({ room: `chat.idle${from + i}`, type: 'm', data: 'x'.repeat(128) }));
      const answer = await fetch(`http://127.0.0.1:${s.admin}/v1/publish`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(events) });
      if (answer.status !== 200) throw new Error(`publishing ${batch} events: ${answer.status} ${await answer.text()}`);
      const refused = (await answer.json()).find((a) => !a.offset);
      if (refused) throw new Error(`an event was refused: ${JSON.stringify(refused)}`);
    };
    const before = resident(s.pid);
    for (let from = 0; from < count; from += batch) await post(from);
    const at_once = resident(s.pid);
    await sleep(15_000); // rooms that nobody uses have ended by then; what is left is the log, and what the allocator keeps
    return { at_once: (at_once - before) / count, later: (resident(s.pid) - before) / count };
  });
  const what = '100,000 idle rooms, one event each';
  yield { what, server: 'hubbub', unit: 'resident bytes each', value: grown.later };
  yield { what, server: 'hubbub', unit: 'resident bytes each, just published', value: grown.at_once };
}

/** Nobody there. */
async function* cpu(options) {
  const share = await withServer('hubbub', async (s) => {
    await sleep(2000);
    const before = cpuTime(s.pid), from = process.hrtime.bigint();
    await sleep(1000 * Math.max(10, options.secs));
    return 100 * (cpuTime(s.pid) - before) / Number(process.hrtime.bigint() - from);
  });
  yield { what: 'idle process', server: 'hubbub', unit: '% of a core', value: share };
}

export const scenarios = { fanout, idle, rooms, cpu };

/** What must be reached: ratio of hubbub to a peer within each round, or hubbub's own value. */
export const bars = [
  { what: 'fan-out 1,000, 1 in flight', unit: 'us CPU per delivery', against: 'uws', atMost: 1.25 },
  { what: 'fan-out 1,000, 16 in flight', unit: 'us CPU per delivery', against: 'uws', atMost: 1.25 },
  { what: 'fan-out 1,000, 128 in flight', unit: 'deliveries/s', against: 'uws', atLeast: 5 },
  { what: '10,000 idle joined connections', unit: 'resident bytes each', atMost: 6144 },
  { what: '100,000 idle rooms, one event each', unit: 'resident bytes each', atMost: 2048 },
  { what: 'idle process', unit: '% of a core', atMost: 0.5 },
];
