// memory of 100,000 rooms with one event each and no reader
import { events, publish } from '../admin.mjs';
import { resident, sleep } from '../process.mjs';
import { withServer } from '../servers.mjs';

const what = '100,000 vacant rooms, one event each';

export async function* run(bench) {
  const rooms = bench.count(100_000);
  yield* bench.measured(what, 'hubbub', () => withServer('hubbub', async (s) => {
    const before = resident(s.pid);
    await publish(s, events(rooms, (i) => `chat.vacant${i}`));
    const atOnce = resident(s.pid);
    await sleep(1000 * bench.time(15)); // rooms that nobody uses have ended by then; what is left is the log, and what the allocator keeps
    return [['resident bytes each', (resident(s.pid) - before) / rooms], ['resident bytes each, just published', (atOnce - before) / rooms]];
  }));
}

export const bars = [{ goal: 'one node', what, unit: 'resident bytes each', atMost: 2048 }];
