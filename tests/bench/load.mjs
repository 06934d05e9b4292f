// Runs the load generator against a server.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { out, servers } from './peers.mjs';
import { pinned, watched } from './servers.mjs';
import { settings } from './settings.mjs';

/** Runs wsload; its result as an object. */
export function wsload(server, args, core = settings.cores.load) {
  const command = pinned(core, [join(out, 'wsload'), '--profile', servers[server.name].profile, '--port', server.port,
    '--server-pid', String(server.pid), ...args.map(String)]);
  return new Promise((done, fail) => {
    const child = watched(spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] }));
    let text = '', words = '';
    child.stdout.on('data', (d) => { text += d; });
    child.stderr.on('data', (d) => { words += d; });
    child.once('error', fail);
    child.once('close', (code) => {
      if (code !== 0) fail(new Error(words.trim() || `wsload ended with ${code}`));
      else done(JSON.parse(text));
    });
  });
}

/** Throws unless everybody came, nobody was sent away, and every event arrived once and in order. */
export function expectClean(r) {
  const wrong = ['failed', 'lost', 'duplicated', 'out_of_order', 'misrouted', 'closed_by_server', 'http_publish_errors'].filter((k) => r[k]);
  if (wrong.length) throw new Error(wrong.map((k) => `${k.replaceAll('_', ' ')}: ${r[k]}`).join(', ') + (r.first_error ? ` (${r.first_error})` : ''));
  return r;
}

/** What every row of a loaded run bears: how busy the generator, the server and everybody else were. */
export const business = (r) => ({ load_cpu_pct: r.own_cpu_pct, server_cpu_pct: r.server_cpu_pct, foreign_cpu_pct: r.foreign_cpu_pct });
