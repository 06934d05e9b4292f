// a node of a cluster with 10,000 idle rooms of interest: memory of each in all, and how long it takes to join one more
import { Wire } from '../../integration/support/wire.mjs';
import { number } from '../bench.mjs';
import { median } from '../figures.mjs';
import { grown, sleep } from '../process.mjs';
import { withServer } from '../servers.mjs';

const rooms = 10_000, connections = 4;
const idle = (kind) => `${number(rooms)} idle rooms of interest, ${kind}`;
const joined = (kind) => `joining a room that the node does not have, ${kind}`;
const namespaces = { retained: 'chat', live: 'live' };

/** Joins that many rooms, each by one of the connections, 64 at a time. */
async function join(wires, n, name) {
  let next = 0;
  await Promise.all(Array.from({ length: 64 }, async () => {
    for (let i = next++; i < n; i = next++) await wires[i % wires.length].ask({ op: 'join', room: name(i) });
  }));
}

async function times(wire, n, name) {
  const took = [];
  for (let i = 0; i < n; ++i) {
    const begun = process.hrtime.bigint();
    await wire.ask({ op: 'join', room: name(i) });
    took.push(Number(process.hrtime.bigint() - begun) / 1000);
  }
  return took.sort((a, b) => a - b);
}

/** A nats-server with its store on tmpfs, and a node, which has had a thousand other rooms before. */
async function measure(bench, kind) {
  const space = namespaces[kind], n = bench.count(rooms);
  return withServer('jetstream', (nats) => withServer('hubbub', async (node) => {
    const wires = await Promise.all(Array.from({ length: connections }, () => Wire.open({ port: node.port, keep: false })));
    try {
      await join(wires, n / 10, (i) => `${space}.before.${i}`);
      await sleep(1000 * bench.time(3));
      const more = grown(node.pid);
      await join(wires, n, (i) => `${space}.room.${i}`);
      await sleep(1000 * bench.time(5)); // what they needed to come into being is given back
      const { resident, anonymous } = more();
      const took = await times(wires[0], bench.count(1000), (i) => `${space}.one-more.${i}`);
      return [
        ...[['resident bytes each', resident / n], ['anonymous bytes each', anonymous / n]].map((row) => [idle(kind), ...row]),
        ...[['us p50', median(took)], ['us p99', took[Math.floor(0.99 * (took.length - 1))]]].map((row) => [joined(kind), ...row]),
      ];
    } finally {
      for (const wire of wires) wire.close();
    }
  }, { flags: ['--nats', `nats://127.0.0.1:${nats.admin}`], env: { HUBBUB_LIMITS_ROOMS: String(2 * rooms) } }), { core: bench.cores.load });
}

export async function* run(bench) {
  for (const kind of Object.keys(namespaces)) {
    if (!bench.only.test(idle(kind))) continue;
    try {
      for (const [what, unit, value] of await measure(bench, kind)) yield { what, server: 'hubbub', unit, value };
    } catch (error) {
      yield { what: idle(kind), server: 'hubbub', failed: error.message };
    }
  }
}

const goal = 'the cluster';
export const bars = Object.keys(namespaces).flatMap((kind) => [
  { goal, what: idle(kind), unit: 'resident bytes each', atMost: 4096 },
  { goal, what: joined(kind), unit: 'us p99', atMost: 10_000 },
]);
