// The machine, the versions and the settings, in words.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { root, servers } from './peers.mjs';
import { settings } from './settings.mjs';

const ask = (command, ...args) => { try { return execFileSync(command, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim(); } catch { return '?'; } };
const system = () => { try { return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))[1]; } catch { return '?'; } };

/** Of the chosen servers: those that can be measured with their versions, and those that cannot with the reason. */
export function attendance() {
  const here = {}, absent = {};
  for (const name of settings.chosen) {
    const why = servers[name].missing?.();
    if (why) absent[name] = why; else here[name] = servers[name].version();
  }
  return { here, absent };
}

export function about() {
  const { cores, quiet, rounds, secs, smoke } = settings;
  return {
    date: new Date().toISOString(),
    commit: ask('git', 'describe', '--always', '--dirty'),
    machine: `${cpus().length} x ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB of memory`,
    system: `${system()}, ${ask('uname', '-sr')}, ${ask('g++', '--version').split('\n')[0]}`,
    cores: cores.server ? `server on core ${cores.server}, load on core ${cores.load}` : 'ONE CORE ONLY: server and load share it, so compare nothing with other machines',
    settings: `${rounds} round${rounds > 1 ? 's' : ''} of ${secs} s, payload 128 bytes; hubbub with tests/bench/hubbub.toml${quiet < 100 ? `; rounds from which the host stole more than ${quiet}% of the cores were measured again, up to three times` : ''}`,
    smoke,
  };
}

/** The head of a report, as Markdown. */
export function headOf(a, { here, absent }) {
  return [
    ...(a.smoke ? ['**SMOKE: counts and times were shrunk to see whether everything works; the figures mean nothing.**', ''] : []),
    `${a.date}, commit ${a.commit}. ${a.machine}; ${a.system}. ${a.cores}. ${a.settings}.`,
    '',
    ...Object.entries(here).map(([name, version]) => `- ${name}: ${version}`),
    ...Object.entries(absent).map(([name, why]) => `- ${name}: NOT MEASURED: ${why}`),
  ].join('\n');
}
