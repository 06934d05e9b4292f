// hubbub with 1, 2 and 4 event loops on one core, one room's readers split over them; and 2 loops on two cores
import { costs, fan } from '../fan.mjs';

const windows = [1, 16, 128];
const name = (loops) => (loops === 1 ? 'hubbub' : `hubbub, ${loops} loops`);
const title = (inFlight, cores) => `1,000 readers on ${cores}, ${inFlight} in flight`;

async function* alternate(bench, inFlight, cores, loops, how) {
  const what = title(inFlight, cores);
  for (const server of bench.turns(loops.map(name))) {
    const flags = ['--loops', String(loops.find((n) => name(n) === server))];
    yield* bench.measured(what, server, async () => costs(
      await fan(what, 'hubbub', ['--mode', 'fanout', '--n', bench.count(1000), '--window', inFlight], { ...how, flags })));
  }
}

export async function* run(bench) {
  for (const inFlight of windows) yield* alternate(bench, inFlight, 'one core', [1, 2, 4]);
  // The load has no core of its own then: it is on both, too.
  const { both } = bench.cores;
  if (both) for (const inFlight of windows) yield* alternate(bench, inFlight, 'two cores', [1, 2], { core: both, load: both });
}

export const bars = windows.flatMap((inFlight) => [
  ...[2, 4].map((loops) => ({ what: title(inFlight, 'one core'), unit: 'us CPU per delivery', server: name(loops), against: 'hubbub', atMost: 1.15 })),
  { what: title(inFlight, 'two cores'), unit: 'deliveries/s', server: name(2), against: 'hubbub', atLeast: 1 },
]);
