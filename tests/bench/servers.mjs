// The servers that are measured: how each is started, and how wsload speaks to it.
import { spawn } from 'node:child_process';
import { createServer, connect } from 'node:net';
import { closeSync, openSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sleep } from './process.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');
const out = join(root, 'build/bench');

/** What is measured, unless told otherwise. */
export const hubbub = resolve(root, process.env.HUBBUB_BINARY ?? 'build/release/hubbub');

/** name -> {command(port, admin), profile, cwd?}. `size` is what wsload must send for frames as long as hubbub's. */
export const servers = {
  hubbub: {
    profile: 'hubbub',
    command: (port, admin) => [hubbub, 'serve', '--dev', '--config', join(here, 'hubbub.toml'),
      '--listen', `127.0.0.1:${port}`, '--admin', `127.0.0.1:${admin}`],
  },
  uws: { profile: 'uws', command: (port) => ['sh', join(here, 'peers/uws-js.sh'), port] },
  floor: { profile: 'uws', likeHubbub: true, command: (port) => [join(out, 'floor'), port, 'send'] },
  'floor-batch': { profile: 'uws', likeHubbub: true, command: (port) => [join(out, 'floor'), port, 'batch'] },
};

/** A port that is free now. */
const freePort = () => new Promise((done, fail) => {
  const probe = createServer().once('error', fail).listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => done(port));
  });
});

const listens = (port) => new Promise((done) => {
  const socket = connect(port, '127.0.0.1').once('error', () => done(false)).once('connect', () => { socket.destroy(); done(true); });
});

/** The cores: one for the server, another for the load. Undefined on a machine with one. */
export const cores = { server: '0', load: '1' };
export const pinned = (core, command) => (core === undefined ? command : ['taskset', '-c', core, ...command]);

/** Starts a server on a core of its own and waits until it listens. */
export async function start(name) {
  const port = await freePort(), admin = await freePort();
  // Descriptors: as many as the system allows, the same for each server.
  const command = pinned(cores.server, servers[name].command(String(port), String(admin)));
  const log = openSync(join(out, `${name}.log`), 'w');
  const child = spawn('sh', ['-c', 'ulimit -n "$(ulimit -Hn)"; exec "$@"', 'sh', ...command], { stdio: ['ignore', log, log] });
  closeSync(log);
  let gone = false;
  const ended = new Promise((done) => child.once('exit', () => { gone = true; done(); }));
  for (let i = 0; i < 200 && !gone; i++) {
    if (await listens(port)) return { name, port, admin, pid: child.pid, stop: () => { child.kill('SIGTERM'); const t = setTimeout(() => child.kill('SIGKILL'), 5000); return ended.then(() => clearTimeout(t)); } };
    await sleep(50);
  }
  child.kill('SIGKILL');
  throw new Error(`${name} did not start; what it said is in build/bench/${name}.log`);
}

/** Runs wsload against a server; its result as an object. */
export function wsload(server, args) {
  const command = pinned(cores.load, [join(out, 'wsload'), '--profile', servers[server.name].profile, '--port', String(server.port),
    '--server-pid', String(server.pid), ...args.map(String)]);
  return new Promise((done, fail) => {
    const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '', words = '';
    child.stdout.on('data', (d) => { text += d; });
    child.stderr.on('data', (d) => { words += d; });
    child.once('exit', (code) => {
      if (code !== 0) fail(new Error(`wsload against ${server.name}: ${words.trim() || `ended with ${code}`}`));
      else done(JSON.parse(text));
    });
  });
}
