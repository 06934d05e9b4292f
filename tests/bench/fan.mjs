// One server sends events to many readers, at a window or a rate.
import { business, expectClean, wsload } from './load.mjs';
import { servers } from './peers.mjs';
import { withServer } from './servers.mjs';
import { settings } from './settings.mjs';

// The length of hubbub's frames in each case, so that the floor sends as much; from its latest run.
const frameBytes = new Map();

/** Runs wsload with `args`; its result, when nothing was lost or repeated. `how`: see start(); `load`: the generator's core. */
export async function fan(what, server, args, how = {}) {
  const bytes = servers[server].likeHubbub ? frameBytes.get(what) : undefined;
  const size = bytes ? bytes - 4 : 128; // a frame of up to 64 KB has a head of four bytes
  const all = ['--size', size, '--secs', settings.secs, '--warmup', settings.warmup, ...args];
  const r = expectClean(await withServer(server, (s) => wsload(s, all, how.load), how));
  if (!r.deliveries) throw new Error('nothing was delivered');
  if (server === 'hubbub') frameBytes.set(what, Math.round(r.wire_bytes_per_delivery));
  return r;
}

/** The rows of such a run: [unit, value, more]. */
export function costs(r) {
  const more = { ...business(r), wire_bytes: r.wire_bytes_per_delivery, latency: r.latency };
  return [['us CPU per delivery', r.server_cpu_us_per_delivery, more], ['deliveries/s', r.deliveries_per_s, more]];
}

export function latencies(r) {
  return [['us p50', r.latency.p50_us, business(r)], ['us p99', r.latency.p99_us, business(r)]];
}
