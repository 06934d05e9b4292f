// 1,000 events a second into a stream of 200,000 messages: until a client of another node has each, beside nats-server's own clients
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { number } from '../bench.mjs';
import { median } from '../figures.mjs';
import { root } from '../peers.mjs';
import { sleep } from '../process.mjs';
import { withServer } from '../servers.mjs';

const rate = 1000, kept = 200_000, rooms = 200;
const load = createRequire(join(root, 'tests/bench/peers/package.json'));
const now = () => Number(process.hrtime.bigint() / 1000n);
const published = { nats: `published to NATS, ${number(rate)}/s`, node: `published through another node, ${number(rate)}/s` };

/** Where the times of one kind of reader are kept. What it reads bears the time of its sending, in us. */
const reader = () => {
  const took = [];
  return { took, saw: (sent) => took.push(now() - sent) };
};

/** A WebSocket to a node; answers its socket once `r0` is joined. */
function join0(port, saw) {
  const { WebSocket } = load('ws');
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, { perMessageDeflate: false });
  return new Promise((done, fail) => {
    socket.once('error', fail);
    socket.on('message', (text) => {
      const m = JSON.parse(text);
      if (m.op === 'welcome') socket.send('{"op":"join","id":1,"room":"chat.r0"}');
      if (m.op === 'ok' && m.id === 1) done(socket);
      if (m.op === 'event') saw(m.data.at);
      if (m.op === 'error') fail(new Error(m.message));
    });
  });
}

/** nats.io's client over nats-server's WebSocket, subscribed. */
async function overWebSocket(port, subject, saw) {
  globalThis.WebSocket ??= load('ws').WebSocket; // as browsers have it, and later versions of node
  const connection = await load('nats.ws').connect({ servers: `ws://127.0.0.1:${port}` });
  connection.subscribe(subject, { callback: (_, m) => saw(JSON.parse(m.string()).at) });
  await connection.flush();
  return connection;
}

async function fill(nats, stream, messages) {
  const data = JSON.stringify({ text: 'x'.repeat(100) });
  for (let i = 0; i < messages; ++i) {
    nats.publish(`hubbub.rooms.chat.r${i % rooms}`, data);
    if (i % 1000 === 999) await nats.flush();
  }
  const streams = await nats.jetstreamManager();
  while ((await streams.streams.info(stream)).state.messages < messages) await sleep(100);
}

/** As many as are due, each millisecond. */
async function paced(seconds, send) {
  const begun = now(), n = seconds * rate;
  for (let sent = 0; sent < n; await sleep(1)) {
    for (const due = Math.min(n, ((now() - begun) * rate) / 1e6); sent < due; ++sent) send(JSON.stringify({ at: now(), text: 'x'.repeat(90) }));
  }
  await sleep(1000);
}

const at = (took, part) => [...took].sort((a, b) => a - b)[Math.floor(part * (took.length - 1))];

function rowsOf(what, readers, expected) {
  return Object.entries(readers).flatMap(([server, { took }]) => {
    if (took.length !== expected) return [{ what, server, failed: `${took.length} of ${expected} events came` }];
    return [['us p50', median(took)], ['us p99', at(took, 0.99)]].map(([unit, value]) => ({ what, server, unit, value }));
  });
}

/** A stream on tmpfs, two nodes, and clients on one core, which publish and read. */
async function measure(bench, use) {
  return withServer('jetstream', async (nats) => {
    const url = `nats://127.0.0.1:${nats.admin}`;
    const node = { flags: ['--nats', url], core: bench.cores.both };
    return withServer('hubbub', (one) => withServer('hubbub', async (two) => {
      const backend = await load('nats').connect({ servers: url });
      try {
        await fill(backend, 'HUBBUB_chat', bench.count(kept));
        return await use({ nats, one, two, backend });
      } finally { await backend.close(); }
    }, node), node);
  }, { core: bench.cores.both });
}

/** Three kinds of readers, while `send` is given what to publish. */
async function compare(what, seconds, { nats, two }, send) {
  const readers = { hubbub: reader(), 'nats, from the log': reader(), 'nats, no log': reader() };
  const [node, log, core] = Object.values(readers);
  const ends = await Promise.all([join0(two.port, node.saw), overWebSocket(nats.port, 'hubbub.out.chat.r0', log.saw),
    overWebSocket(nats.port, 'hubbub.rooms.chat.r0', core.saw)]);
  await paced(seconds, send);
  await Promise.all(ends.map((end) => end.close()));
  return rowsOf(what, readers, seconds * rate);
}

export async function* run(bench) {
  const wanted = Object.values(published).filter((what) => bench.only.test(what));
  if (!wanted.length) return;
  const seconds = bench.time(Math.max(10, bench.secs));
  try {
    yield* await measure(bench, async (all) => {
      const rows = [];
      if (wanted.includes(published.nats)) rows.push(...await compare(published.nats, seconds, all, (data) => all.backend.publish('hubbub.rooms.chat.r0', data)));
      if (wanted.includes(published.node)) {
        const publisher = await join0(all.one.port, () => {});
        const send = (data) => publisher.send(`{"op":"publish","id":2,"room":"chat.r0","type":"m","data":${data}}`);
        rows.push(...await compare(published.node, seconds, all, send));
        publisher.close();
      }
      return rows;
    });
  } catch (error) {
    yield { what: published.nats, server: 'hubbub', failed: error.message };
  }
}

export const bars = [{ goal: 'the cluster', what: published.nats, unit: 'us p99', atMost: 3000 }];
