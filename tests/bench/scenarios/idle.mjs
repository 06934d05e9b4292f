// memory of 10,000 and 19,000 idle connections: joined or not, with TLS, with deflate negotiated
import { number } from '../bench.mjs';
import { wsload } from '../load.mjs';
import { servers as all } from '../peers.mjs';
import { withServer } from '../servers.mjs';
import { tlsEnv } from '../tls.mjs';

const servers = ['hubbub', 'uws', 'ws', 'socketio', 'socketio-uws', 'soketi', 'nats', 'nchan'];
const deflate = 'Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover';
const title = (n, how) => `${number(n)} idle connections, ${how}`;

// [connections, how, servers, wsload's arguments for a server, how the server is started]
const joined = () => [], apart = (server) => all[server].unjoined;
const cases = [
  [10000, 'joined', ['hubbub', 'uws'], joined],
  [19000, 'joined', servers, joined],
  [19000, 'not joined', servers.filter(apart), apart],
  [19000, 'joined, TLS', ['hubbub'], () => ['--tls'], () => ({ env: tlsEnv() })],
  [19000, 'not joined, TLS', ['hubbub'], () => ['--tls', ...apart('hubbub')], () => ({ env: tlsEnv() })],
  [19000, 'joined, deflate negotiated', ['hubbub'], () => ['--header', deflate]],
];

async function rows(bench, n, server, args, how) {
  const timing = ['--hold', bench.time(5), '--settle', bench.time(3), '--connect-timeout', 300];
  const r = await withServer(server, (s) => wsload(s, ['--mode', 'idle', '--n', n, ...timing, ...args]), how);
  if (r.opened !== n || r.closed_by_server) throw new Error(`${r.opened} of ${n} opened, ${r.closed_by_server} were closed (${r.first_error})`);
  if (args.includes(deflate) && r.deflate_negotiated !== n) throw new Error(`only ${r.deflate_negotiated ?? 0} of ${n} negotiated deflate`);
  return [['resident bytes each', r.rss_bytes_per_conn], ['us CPU to connect each', r.connect_server_cpu_us], ['% of a core', r.idle_server_cpu_pct]];
}

export async function* run(bench) {
  for (const [n, how, names, args, start] of cases) {
    for (const server of bench.turns(names)) {
      yield* bench.measured(title(n, how), server, () => rows(bench, bench.count(n), server, args(server), start?.()));
    }
  }
}

const unit = 'resident bytes each';
export const bars = [
  { goal: 'one node', what: title(10000, 'joined'), unit, atMost: 6144 },
  { what: title(19000, 'joined'), unit, atMost: 1536 },
  { what: title(19000, 'joined, TLS'), unit, atMost: 16384 },
];
