// Starts servers on free loopback ports and stops them by their ids, whatever happens.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { family, sleep } from './process.mjs';
import { out, servers } from './peers.mjs';
import { settings } from './settings.mjs';

export const pinned = (core, command) => (core === undefined ? command : ['taskset', '-c', core, ...command]);

/** A port that is free now. */
const freePort = () => new Promise((done, fail) => {
  const probe = createServer().once('error', fail).listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => done(String(port)));
  });
});

const listens = (port) => new Promise((done) => {
  const socket = connect(port, '127.0.0.1').once('error', () => done(false)).once('connect', () => { socket.destroy(); done(true); });
});

const signal = (pid, name) => { try { process.kill(pid, name); } catch { /* it has ended */ } };

// What runs now, for the day that the run is interrupted.
const running = new Set();
/** Ends at once what was started and still runs. */
export function killAll() {
  for (const { pid, place } of running) {
    for (const one of family(pid)) signal(one, 'SIGKILL');
    if (place) rmSync(place, { recursive: true, force: true });
  }
}

/** Remembers a child for killAll while it runs. */
export function watched(child, place) {
  const entry = { pid: child.pid, place };
  running.add(entry);
  child.once('exit', () => running.delete(entry));
  return child;
}

/** Starts a server on a core of its own and waits until it listens. `flags` and `env` are added, `core` replaces the core. */
export async function start(name, { flags = [], env = {}, core = settings.cores.server } = {}) {
  mkdirSync(out, { recursive: true });
  const how = servers[name], place = mkdtempSync(join(how.inMemory && existsSync('/dev/shm') ? '/dev/shm' : out, 'run-'));
  const at = { port: await freePort(), admin: await freePort(), place };
  const added = typeof flags === 'function' ? flags(at) : flags;
  const log = openSync(join(out, `${name}.log`), 'w');
  // Descriptors: as many as the system allows, the same for each server.
  const child = watched(spawn('sh', ['-c', 'ulimit -n "$(ulimit -Hn)"; exec "$@"', 'sh', ...pinned(core, [...how.command(at), ...added])],
    { stdio: ['ignore', log, log], cwd: place, env: { ...process.env, ...how.env?.(at), ...env } }), place);
  closeSync(log);
  let gone = false;
  const ended = new Promise((done) => child.once('exit', () => { gone = true; done(); }));
  const stop = async () => {
    const all = family(child.pid);
    signal(child.pid, 'SIGTERM');
    const late = setTimeout(() => all.forEach((pid) => signal(pid, 'SIGKILL')), 5000);
    await ended;
    clearTimeout(late);
    rmSync(place, { recursive: true, force: true });
  };
  for (let i = 0; i < 400 && !gone; i++) {
    if (await listens(at.port)) return { name, pid: child.pid, stop, ...at };
    await sleep(50);
  }
  if (!gone) await stop();
  rmSync(place, { recursive: true, force: true });
  throw new Error(`${name} did not start; what it said is in build/bench/${name}.log`);
}

/** Starts a server, uses it, stops it. */
export async function withServer(name, use, how) {
  const server = await start(name, how);
  try { return await use(server); } finally { await server.stop(); }
}
