// The servers that are measured: how each is started, and how wsload speaks to it.
// name -> { profile, command({port, admin, place}), env?, missing?, version, unjoined?, ... }
//   place      a folder of its own that goes when the server has stopped; on tmpfs with `inMemory`
//   missing()  why it cannot be measured here, in words; undefined when it can
//   unjoined   wsload's steps for a connection that joins nothing
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
export const root = join(here, '../..');
export const out = join(root, 'build/bench');
const peers = join(here, 'peers'), debian = join(out, 'debian');

const ask = (...command) => { try { return execFileSync(command[0], command.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim(); } catch { return undefined; } };

// Of npm's packages.
const packageOf = (folder, name) => join(folder, 'node_modules', name, 'package.json');
const versionOf = (folder, name) => { try { return `${name} ${JSON.parse(readFileSync(packageOf(folder, name), 'utf8')).version}`; } catch { return `${name} ?`; } };
const npm = (folder, ...names) => ({
  missing: () => { const absent = names.filter((n) => !existsSync(packageOf(folder, n))); return absent.length ? `npm could not install ${absent.join(', ')}` : undefined; },
  version: () => `${names.map((n) => versionOf(folder, n)).join(', ')} on node ${process.version}`,
});
// Where its package has no build for this node it falls back, silently, to one in JavaScript, which would be another peer.
const uws = '@trufflesuite/uws-js-unofficial';
const native = (folder, name, ...others) => {
  const packages = npm(folder, ...others, name);
  const build = join(folder, 'node_modules', name, 'binaries', `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`);
  return { ...packages, missing: () => packages.missing() ?? (existsSync(build) ? undefined : `${name} has no build for node ${process.version}`) };
};
const node = (file, env) => ({ command: () => [process.execPath, join(peers, file)], env: ({ port }) => ({ PORT: port, NODE_ENV: 'production', ...env }) });

// Of Debian's packages, unpacked by scripts/bench.
const unpacked = (name) => { try { return readdirSync(debian).find((f) => f.startsWith(`${name}_`))?.split('_')[1].replace('%3a', ':'); } catch { return undefined; } };
const nats = () => (existsSync(join(debian, 'usr/sbin/nats-server')) ? join(debian, 'usr/sbin/nats-server') : ask('sh', '-c', 'command -v nats-server'));
const write = (file, text) => { writeFileSync(file, text); return file; };

const natsConfig = (port, admin) => `listen: "127.0.0.1:${admin}"
debug: false
trace: false
log_file: "/dev/null"
max_connections: 200000
max_pending: 64MB
write_deadline: "10s"
ping_interval: "2m"
websocket { listen: "127.0.0.1:${port}", no_tls: true, compression: false }
`;

/** For hubbub's own cluster: JetStream, and a WebSocket to measure beside it. */
const jetstreamConfig = (port, admin, place) => `${natsConfig(port, admin)}jetstream { store_dir: "${place}/store" }
`;

const nchanConfig = (port, place) => `load_module ${join(debian, 'usr/lib/nginx/modules/ngx_nchan_module.so')};
daemon off; master_process on; worker_processes 1;
user root;
pid ${place}/nginx.pid;
error_log ${place}/error.log crit;
worker_rlimit_nofile ${ask('sh', '-c', 'ulimit -Hn') ?? 1024};
events { worker_connections ${ask('sh', '-c', 'ulimit -Hn') ?? 1024}; use epoll; multi_accept on; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s; tcp_nodelay on;
  nchan_max_reserved_memory 512M;
  server {
    listen 127.0.0.1:${port} backlog=4096 reuseport;
    location ~ ^/sub/(.+)$ { nchan_subscriber websocket; nchan_channel_id $1; nchan_subscriber_first_message newest; nchan_websocket_ping_interval 60; }
    location ~ ^/pub/(.+)$ { nchan_publisher http; nchan_channel_id $1; nchan_message_buffer_length 10; nchan_message_timeout 10s; }
  }
}
`;

// With nchan in it Debian's nginx wants its folder in /var/lib whatever the configuration says: it gets one that nobody else sees.
const ownVarLib = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /var/lib && mkdir /var/lib/nginx && exec "$@"', 'sh'];
const nchanMissing = () => {
  if (!unpacked('nginx') || !unpacked('libnginx-mod-nchan')) return 'Debian\'s nginx and nchan could not be unpacked';
  return process.getuid?.() === 0 ? undefined : 'only root can give nginx its folder in /var/lib';
};

const soketi = join(peers, 'soketi');
const floor = (mode) => ({ profile: 'uws', likeHubbub: true, version: () => 'ours', command: ({ port }) => [join(out, 'floor'), port, mode] });

/** What is measured, unless told otherwise. */
export const hubbub = resolve(root, process.env.HUBBUB_BINARY ?? 'build/release/hubbub');

export const servers = {
  hubbub: {
    profile: 'hubbub',
    unjoined: ['--step', '<"welcome"'],
    version: () => ask(hubbub, 'version')?.split('\n')[0] ?? '?',
    command: ({ port, admin }) => [hubbub, 'serve', '--dev', '--config', join(here, 'hubbub.toml'), '--listen', `127.0.0.1:${port}`, '--admin', `127.0.0.1:${admin}`],
  },
  uws: { profile: 'uws', unjoined: ['--step', ''], ...native(peers, uws), ...node('uws.cjs') },
  ws: { profile: 'uws', unjoined: ['--step', ''], ...npm(peers, 'ws'), ...node('ws.cjs') },
  socketio: { profile: 'socketio', unjoined: ['--step', '<0{', '--step', '>40', '--step', '<40'], ...npm(peers, 'socket.io', 'ws'), ...node('socketio.cjs') },
  'socketio-uws': { profile: 'socketio', unjoined: ['--step', '<0{', '--step', '>40', '--step', '<40'], ...native(peers, uws, 'socket.io'), ...node('socketio.cjs', { ENGINE: 'uws' }) },
  soketi: {
    profile: 'pusher',
    unjoined: ['--step', '<connection_established'],
    // A client's event must come from a member of the channel.
    publisherPerRoom: true,
    ...native(soketi, 'uWebSockets.js', '@soketi/soketi'),
    command: () => [process.execPath, join(soketi, 'node_modules/@soketi/soketi/bin/server.js'), 'start'],
    env: ({ port }) => ({
      SOKETI_HOST: '127.0.0.1', SOKETI_PORT: port, SOKETI_DEBUG: 'false', SOKETI_METRICS_ENABLED: 'false', SOKETI_SHUTDOWN_GRACE_PERIOD: '0',
      SOKETI_DEFAULT_APP_ID: 'app-id', SOKETI_DEFAULT_APP_KEY: 'app-key', SOKETI_DEFAULT_APP_SECRET: 'app-secret',
      SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES: 'true', SOKETI_DEFAULT_APP_MAX_CONNECTIONS: '-1', SOKETI_EVENT_MAX_SIZE_IN_KB: '100',
      NODE_ENV: 'production',
    }),
  },
  nats: {
    profile: 'nats',
    unjoined: ['--step', '<INFO', '--step', '>CONNECT {"verbose":false,"pedantic":false,"lang":"wsload","version":"1","protocol":1}\\r\\nPING\\r\\n', '--step', '<PONG'],
    missing: () => (nats() ? undefined : 'Debian\'s nats-server could not be unpacked'),
    version: () => ask(nats(), '--version') ?? '?',
    command: ({ port, admin, place }) => [nats(), '-c', write(join(place, 'nats.conf'), natsConfig(port, admin))],
  },
  // No peer by itself: what hubbub's nodes keep their rooms in when they are several.
  jetstream: {
    inMemory: true,
    missing: () => (nats() ? undefined : 'Debian\'s nats-server could not be unpacked'),
    version: () => ask(nats(), '--version') ?? '?',
    command: ({ port, admin, place }) => [nats(), '-c', write(join(place, 'nats.conf'), jetstreamConfig(port, admin, place))],
  },
  nchan: {
    profile: 'nchan',
    missing: nchanMissing,
    version: () => `nchan ${unpacked('libnginx-mod-nchan')} in nginx ${unpacked('nginx')}`,
    command: ({ port, place }) => [...ownVarLib, join(debian, 'usr/sbin/nginx'), '-p', place, '-e', join(place, 'error.log'), '-c', write(join(place, 'nginx.conf'), nchanConfig(port, place))],
  },
  floor: floor('send'),
  'floor-batch': floor('batch'),
};
