// 1,000 rooms of 10 readers, saturated: 512 events in flight from 32 publishers
import { costs, fan } from '../fan.mjs';
import { servers as all } from '../peers.mjs';

const what = '1,000 rooms of 10, saturated';
const servers = ['hubbub', 'uws', 'ws', 'socketio', 'socketio-uws', 'soketi', 'nats', 'nchan', 'floor'];

export async function* run(bench) {
  const rooms = bench.smoke ? 5 : 1000;
  for (const server of bench.turns(servers)) {
    yield* bench.measured(what, server, async () => {
      const publishers = all[server].publisherPerRoom ? rooms : 32;
      const variant = server === 'floor' ? 'floor-batch' : server;
      return costs(await fan(what, variant, ['--mode', 'rooms', '--rooms', rooms, '--subs', 10, '--pubs', publishers, '--window', 512]));
    });
  }
}

export const bars = [{ what, unit: 'deliveries/s', against: 'uws', atLeast: 1 }];
