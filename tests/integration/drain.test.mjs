// A node that ends sends its clients to the others at a pace, and nobody misses anything.

import assert from "node:assert/strict";
import test from "node:test";

import { serve } from "./support/broker.mjs";
import { startNats } from "./support/nats.mjs";
import { until } from "./support/wire.mjs";

const ready = async (node) => (await fetch(new URL("/readyz", node.admin))).status;
const goodbye = (wire) => wire.pushes.find((push) => push.op === "goodbye");

async function cluster(t, n, sections) {
  const nats = await startNats(t);
  const nodes = [];
  for (let i = 1; i <= n; ++i)
    nodes.push(await serve(t, { sections: { "namespace.chat": {}, ...sections, nats: { url: nats.url, timeout: "1s" }, server: { node: `n${i}` } } }));
  return nodes;
}

test("a node that is told to end is not ready at once, closes its door later, and sends everybody away at its pace", async (t) => {
  const pace = 40, grace = 2000, slack = 6; // a step of the drain may be a tenth of a second long
  const [one, two] = await cluster(t, 2, { drain: { pace, grace: `${grace}ms` }, "namespace.chat": { history_size: 100_000 } });
  const clients = await one.clients(40);
  const when = new Map();
  for (const client of clients) {
    await client.ask({ op: "join", room: "chat.1" });
    client.onPush = (push) => { if (push.op === "goodbye") when.set(client, performance.now()); };
  }
  const writer = await two.client();
  let published = 0, publishing = true;
  t.after(() => { publishing = false; });
  const writing = (async () => {
    while (publishing) await writer.ask({ op: "publish", room: "chat.1", type: "message", data: ++published });
  })();
  const begun = performance.now();
  one.signal("SIGTERM");
  await until(async () => await ready(one) === 503, "it is not ready");
  assert.equal(await one.metric("hubbub_draining"), 1);
  // Whoever has not heard of it yet is served. A machine that was so busy that the grace is over meanwhile shows nothing.
  const inGrace = () => performance.now() - begun < grace;
  try {
    const late = await one.client();
    await late.ask({ op: "join", room: "chat.1" });
    assert.ok(when.size === 0 || !inGrace(), "goodbyes within the grace");
  } catch (error) {
    if (inGrace() || error.code === "ERR_ASSERTION") throw error;
    t.diagnostic(`too late to see: ${error.message}`);
  }
  assert.equal(await one.ended, 0);
  assert.equal(when.size, 40);
  const times = [...when.values()].sort((a, b) => a - b);
  // What is seen late was sent earlier, but never the other way round: each bound counts from the signal.
  times.forEach((time, i) => {
    const soonest = grace + (1000 * Math.max(0, i - slack)) / pace;
    assert.ok(time - begun >= soonest, `goodbye ${i} came after ${time - begun} ms, not ${soonest}`);
  });
  const goodbyes = clients.map(goodbye);
  for (const { code, reconnect, retry_after_ms: wait } of goodbyes) {
    assert.deepEqual([code, reconnect], [4101, true]);
    assert.ok(wait > 0 && wait <= 1000);
  }
  assert.ok(new Set(goodbyes.map((g) => g.retry_after_ms)).size > 20, "each has its own delay");

  publishing = false;
  await writing;
  for (const client of clients) {
    const again = await two.client();
    const { epoch, offset } = { epoch: client.epoch, offset: client.events.at(-1)?.offset ?? 0 };
    const history = await again.ask({ op: "join", room: "chat.1", history: 0 });
    again.close();
    const back = await two.client();
    const ok = await back.ask({ op: "join", room: "chat.1", since: { epoch: epoch ?? history.epoch, offset } });
    assert.equal(ok.recovered, true);
    await until(() => client.events.length + back.events.length >= published, "what it missed");
    assert.deepEqual([...client.events, ...back.events].map((e) => e.data), Array.from({ length: published }, (_, i) => i + 1));
    back.close();
  }
});

test("the people of a node that ends are expected on the others, and nobody sees them go and come", async (t) => {
  const [one, two] = await cluster(t, 2, { drain: { pace: 100, grace: "0s" }, "namespace.chat": { linger: "0s" } });
  const ann = await one.client();
  await ann.ask({ op: "join", room: "chat.hall", presence: true, info: { name: "Ann" } });
  const watcher = await two.client();
  await until(async () => {
    const { members } = await watcher.ask({ op: "presence", room: "chat.hall" });
    return members.length === 1;
  }, "ann is seen on the other node");
  const { members } = await watcher.ask({ op: "join", room: "chat.hall", presence: true });
  assert.ok(members.some((m) => m.info?.name === "Ann"));
  const left = () => watcher.pushes.filter((p) => p.op === "presence").flatMap((p) => p.leave ?? []);
  one.signal("SIGTERM");
  assert.equal(await one.ended, 0);
  const gone = performance.now();
  const seen = await watcher.ask({ op: "presence", room: "chat.hall" });
  assert.ok(seen.members.some((m) => m.info?.name === "Ann"), "still expected when the node has gone");
  assert.equal(left().length, 0);
  // Whoever does not come back leaves when the lease ends.
  await until(() => left().length === 1, "ann was not expected for ever", 10_000);
  assert.ok(performance.now() - gone > 1000);
});

const order = async (node) => {
  const answer = await fetch(new URL("/v1/drain", node.admin), { method: "POST" });
  assert.equal(answer.status, 202);
  assert.deepEqual(await answer.json(), { status: "draining" });
};

test("a node that was ordered to drain keeps its pace when it is then told to end", async (t) => {
  const pace = 10, slack = 2;
  const [one] = await cluster(t, 1, { drain: { pace, grace: "0s" } });
  const clients = await one.clients(25);
  const times = [];
  for (const client of clients) client.onPush = (push) => { if (push.op === "goodbye") times.push(performance.now()); };
  const begun = performance.now();
  await order(one);
  await until(() => times.length > 0, "the first goodbye");
  one.signal("SIGTERM");
  assert.equal(await one.ended, 0);
  assert.equal(times.length, 25);
  times.forEach((time, i) => {
    const soonest = (1000 * Math.max(0, i - slack)) / pace;
    assert.ok(time - begun >= soonest, `goodbye ${i} came after ${time - begun} ms, not ${soonest}`);
  });
});

test("whoever signals twice is in a hurry, also behind an order", async (t) => {
  const [one] = await cluster(t, 1, { drain: { pace: 1, grace: "0s" } });
  const clients = await one.clients(30);
  await order(one);
  await until(() => clients.some(goodbye), "the first goodbye");
  const begun = performance.now();
  let over = false;
  one.ended.then(() => { over = true; });
  const again = setInterval(() => { if (!over) one.signal("SIGTERM"); }, 100); // what comes at once is one signal
  t.after(() => clearInterval(again));
  assert.equal(await one.ended, 0);
  assert.ok(performance.now() - begun < 15_000, "not at one a second");
  await until(() => clients.every(goodbye), "all of them");
});

test("a node alone has nowhere to send its clients, and lets nobody wait", async (t) => {
  const one = await serve(t, { sections: { drain: { pace: 1, grace: "1h", deadline: "2h" } } });
  const clients = await one.clients(30);
  one.signal("SIGTERM");
  assert.equal(await one.ended, 0);
  await until(() => clients.every(goodbye), "all of them");
});

test("a drain ends at its deadline, though somebody does not go", async (t) => {
  const [one] = await cluster(t, 1, { drain: { pace: 100, grace: "0s", deadline: "1s" } });
  const stuck = await one.client();
  stuck.pause();
  const begun = performance.now();
  one.signal("SIGTERM");
  assert.equal(await one.ended, 0);
  // What docs/configuration.md allows for the last goodbyes, NATS and the log.
  assert.ok(performance.now() - begun < 1000 + 15_000, `${performance.now() - begun} ms`);
});
