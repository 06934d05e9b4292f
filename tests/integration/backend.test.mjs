// Clients' events and calls go to backends on a real NATS, and what happens is told to them.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import test from "node:test";
import { fileURLToPath } from "node:url";

import { headers, StringCodec } from "nats";

import { directory, serve } from "./support/broker.mjs";
import { backend, startNats } from "./support/nats.mjs";
import { eventually, keyFile, mint } from "./support/server.mjs";
import { until } from "./support/wire.mjs";

const text = StringCodec();
const every = ["connected", "disconnected", "occupied", "vacated", "refused"];
const namespaces = {
  "namespace.chat": {},
  "namespace.orders": { publish: "via_backend" },
  "namespace.cursors": { kind: "live", publish: "via_backend" },
};

/** `n` nodes on one nats-server, and a backend's connection to it. */
async function cluster(t, n = 1, { sections = {}, timeout = "1s", notify = [] } = {}) {
  const nats = await startNats(t);
  const service = await backend(t, nats);
  const nodes = [];
  for (let i = 1; i <= n; ++i)
    nodes.push(await serve(t, { sections: { ...namespaces, ...sections, nats: { url: nats.url, timeout, notify }, server: { node: `n${i}` } } }));
  return { nats, service, nodes };
}

const requests = ["hubbub.up.>", "hubbub.call.>"];
/** Answers requests with `how(request)`, from when the server knows of it. */
async function answers(service, subjects, how) {
  const asked = [];
  for (const subject of [subjects].flat())
    service.subscribe(subject, { callback: (error, request) => { asked.push(request); how(request); } });
  await service.flush();
  return asked;
}
function refuse(request, why) {
  const h = headers();
  h.set("Hubbub-Error", why);
  request.respond(undefined, { headers: h });
}
const confirm = (service) => (request) => {
  service.publish(request.subject.replace("hubbub.up.", "hubbub.rooms."), request.data, { headers: request.headers });
  request.respond();
};
/** The answer, refused or not. */
const ask = (wire, command) => wire.ask(command).catch((error) => error.answer ?? Promise.reject(error));
const publish = (wire, room, data, more) => ask(wire, { op: "publish", room, type: "order", data, ...more });
const call = (wire, method, data = 1) => ask(wire, { op: "call", method, data });

test("what a backend confirms is published with the id that the client was told", async (t) => {
  const { service, nodes } = await cluster(t, 2);
  const asked = await answers(service, "hubbub.up.orders.>", confirm(service));
  const [ann, bob] = [await nodes[0].client(), await nodes[1].client()];
  for (const wire of [ann, bob]) await wire.ask({ op: "join", room: "orders.7" });

  const named = await publish(ann, "orders.7", { n: 1 }, { event_id: "ann-1", key: "k" });
  assert.deepEqual({ ...named, id: 0 }, { op: "ok", id: 0, event_id: "ann-1", accepted: true });
  const given = await publish(ann, "orders.7", { n: 2 }, { echo: false });
  assert.equal(given.accepted, true);
  await bob.gets(2);
  assert.deepEqual(bob.events.map((e) => [e.event_id, e.type, e.key, e.data.n]), [["ann-1", "order", "k", 1], [given.event_id, "order", undefined, 2]]);
  // The same again is the same event.
  assert.equal((await publish(ann, "orders.7", { n: 1 }, { event_id: "ann-1", key: "k" })).accepted, true);
  await publish(bob, "orders.7", { n: 3 });
  await ann.gets(2);
  await bob.gets(3);
  assert.deepEqual(bob.events.map((e) => e.data.n), [1, 2, 3]);
  assert.deepEqual(ann.events.map((e) => e.data.n), [1, 3], "not her own, as she asked");
  assert.equal(asked[0].headers.get("Hubbub-Session"), ann.welcome.session);
});

test("a live room's events go through backends, too", async (t) => {
  const { service, nodes: [node] } = await cluster(t);
  await answers(service, "hubbub.up.cursors.>", confirm(service));
  const ann = await node.client();
  await ann.ask({ op: "join", room: "cursors.1" });
  await until(async () => (await publish(ann, "cursors.1", 1)).accepted && ann.events.length > 0, "she hears it");
  assert.equal(ann.events[0].offset, undefined);
});

test("invalid_data, and codes of a backend's own: what it refuses is an error with its words", async (t) => {
  const { service, nodes: [node] } = await cluster(t);
  await answers(service, "hubbub.up.orders.>", (request) => refuse(request, text.decode(request.data).slice(1, -1)));
  const ann = await node.client();
  await ann.ask({ op: "join", room: "orders.7" });
  const no = await publish(ann, "orders.7", "invalid_data n must be positive", { event_id: "ann-1" });
  assert.deepEqual({ ...no, id: 0 }, { op: "error", id: 0, code: "invalid_data", message: "n must be positive", event_id: "ann-1", outcome: "not_stored" });
  assert.equal((await publish(ann, "orders.7", "out_of_stock")).code, "out_of_stock");
  const strange = await publish(ann, "orders.7", "Not A Code");
  assert.deepEqual([strange.code, strange.outcome], ["unavailable", "unknown"]);
  assert.equal(ann.events.length, 0);
  assert.equal(await node.metric('hubbub_backend_requests_total{kind="publish",outcome="refused"}'), 2);
  assert.equal(await node.metric('hubbub_backend_requests_total{kind="publish",outcome="bad_answer"}'), 1);
});

test("unavailable: nobody takes the event, and nothing is in doubt", async (t) => {
  const { nodes: [node] } = await cluster(t);
  const ann = await node.client();
  const no = await publish(ann, "orders.7", 1, { event_id: "ann-1" });
  assert.deepEqual([no.code, no.outcome, no.event_id], ["unavailable", "not_stored", "ann-1"]);
  assert.match(no.message, /orders\.7/);
  // It is not the log that is missing.
  for (const outcome of ["not_stored", "unknown"]) assert.equal(await node.metric(`hubbub_log_refused_total{outcome="${outcome}"}`), 0);
});

test("timeout: a backend that says nothing leaves the outcome unknown, and holds up nobody", async (t) => {
  const { service, nodes: [node] } = await cluster(t, 1, { timeout: "2s" });
  const asked = await answers(service, requests, () => {});
  const ann = await node.client();
  const [event, called] = ann.send({ op: "publish", room: "orders.7", type: "order", data: 1 }, { op: "call", method: "orders.price", data: 1 });
  let answered = false;
  event.catch(() => { answered = true; });
  assert.equal((await publish(ann, "chat.1", "meanwhile")).op, "ok");
  assert.equal(answered, false, "what came after it waited for the backend");
  const { answer: late } = await event.then(assert.fail, (error) => error);
  assert.deepEqual([late.code, late.outcome], ["timeout", "unknown"]);
  assert.equal(late.event_id, asked.find((request) => request.subject === "hubbub.up.orders.7").headers.get("Hubbub-Id"));
  const { answer: silent } = await called.then(assert.fail, (error) => error);
  assert.equal(silent.code, "timeout");
  assert.ok(!("outcome" in silent));
});

test("the wire's limits and rights come before the backend", async (t) => {
  const { service, nodes: [node] } = await cluster(t, 1, { sections: { limits: { payload_bytes: 1000 } } });
  const asked = await answers(service, requests, (request) => request.respond());
  const ann = await node.client();
  assert.equal((await publish(ann, "orders.7", "x".repeat(1000))).code, "too_large");
  assert.equal((await call(ann, "orders.price", "x".repeat(1000))).code, "too_large");
  assert.equal((await call(ann, "price")).code, "bad_command");
  assert.equal((await publish(ann, "strange.7", 1)).code, "bad_room");
  assert.equal(asked.length, 0);
});

test("a call is answered with what the backend says, whatever it is", async (t) => {
  const { service, nodes: [node] } = await cluster(t);
  const said = { json: '{"a": 1}', lines: '{\n "a": [1,\n 2]\n}', nothing: "", text: "oops", large: `"${"x".repeat(70_000)}"` };
  await answers(service, "hubbub.call.orders.*", (request) => request.respond(text.encode(said[request.subject.split(".").at(-1)])));
  const ann = await node.client();
  const ok = async (name) => {
    const { op, data, encoding } = await call(ann, `orders.${name}`);
    return [op, data, encoding];
  };
  assert.deepEqual(await ok("json"), ["ok", { a: 1 }, undefined]);
  assert.deepEqual(await ok("lines"), ["ok", { a: [1, 2] }, undefined]);
  assert.deepEqual(await ok("nothing"), ["ok", null, undefined]);
  assert.deepEqual(await ok("text"), ["ok", Buffer.from("oops").toString("base64"), "base64"]);
  assert.equal((await call(ann, "orders.large")).code, "too_large");
});

test("no_such_method: nobody answers, or the one who does says so", async (t) => {
  const { service, nodes: [node] } = await cluster(t);
  const ann = await node.client();
  const no = await call(ann, "orders.price");
  assert.equal(no.code, "no_such_method");
  assert.match(no.message, /orders\.price/);
  await answers(service, "hubbub.call.orders.*", (request) => refuse(request, "no_such_method orders has none"));
  const said = await call(ann, "orders.price");
  assert.deepEqual([said.code, said.message], ["no_such_method", "orders has none"]);
});

test("forbidden: a call needs the grant for its method", async (t) => {
  const key = keyFile(directory());
  const { service, nodes: [node] } = await cluster(t, 1, { sections: { auth: { hs256_key_file: key, anonymous: false }, "namespace.default": { anyone: [] } } });
  const asked = await answers(service, requests, (request) => request.respond());
  const ann = await node.client({ token: await mint(key, { sub: "ann", grants: ["orders.*=call"] }) });
  assert.equal((await call(ann, "orders.price")).op, "ok");
  assert.equal(asked[0].headers.get("Hubbub-From"), "ann");
  assert.equal((await call(ann, "orders.eu.price")).code, "forbidden");
  assert.equal((await call(ann, "chat.price")).code, "forbidden");
  assert.equal((await publish(ann, "orders.7", 1)).code, "forbidden");
});

test("a client reads many large answers, one after the other", async (t) => {
  const { service, nodes: [node] } = await cluster(t, 1, { timeout: "10s", sections: { limits: { backend_requests: 32 * 60 } } });
  const large = JSON.stringify("x".repeat(60_000));
  const waiting = [];
  await answers(service, "hubbub.call.orders.*", (request) => waiting.push(request));
  const ann = await node.client();
  const asked = ann.send(...Array.from({ length: 60 }, () => ({ op: "call", method: "orders.all", data: 1 })));
  await until(() => waiting.length === 60, "all are asked");
  for (const request of waiting) request.respond(text.encode(large));
  for (const answer of await Promise.all(asked)) assert.equal(answer.data.length, 60_000);
  await until(async () => (await node.metric("hubbub_backend_waiting")) === 0, "no place is kept");
});

test("while NATS is away a client that waits is told, and afterwards everything works", async (t) => {
  const { nats, service, nodes: [node] } = await cluster(t, 1, { timeout: "5s" });
  const asked = await answers(service, requests, (request) => request.subject.endsWith(".ok") && request.respond());
  const ann = await node.client();
  const [event, called] = ann.send({ op: "publish", room: "orders.7", type: "order", data: 1 }, { op: "call", method: "orders.price", data: 1 });
  await until(() => asked.length >= 2, "both are asked");
  await nats.kill();
  const { answer: lost } = await event.then(assert.fail, (error) => error);
  assert.deepEqual([lost.code, lost.outcome], ["unavailable", "unknown"]);
  assert.equal((await called.then(assert.fail, (error) => error)).answer.code, "unavailable");
  const away = await publish(ann, "orders.7", 1);
  assert.deepEqual([away.code, away.outcome], ["unavailable", "not_stored"]);
  await nats.start();
  await eventually(async () => (await call(ann, "orders.ok")).op === "ok", "calls are answered again");
  assert.equal(ann.broken, null);
});

test("backends are told who comes and goes, which rooms are read, and what was refused", async (t) => {
  const { service, nodes: [node] } = await cluster(t, 1, { notify: every });
  const told = [];
  service.subscribe("hubbub.notify.*", { callback: (error, m) => told.push({ what: m.subject.slice("hubbub.notify.".length), ...JSON.parse(text.decode(m.data)) }) });
  await service.flush();
  const ann = await node.client();
  const { session } = ann.welcome;
  await ann.ask({ op: "join", room: "chat.1" });
  await ask(ann, { op: "leave", room: "chat.2" });
  node.forget(ann);
  await until(() => ["disconnected", "vacated"].every((what) => told.some((one) => one.what === what)), "all is told");
  const of = (what) => told.filter((one) => one.what === what).map(({ what: _, time, ...rest }) => (assert.ok(time > 1.7e12), rest));
  assert.deepEqual(of("connected"), [{ node: "n1", session, user: null }]);
  assert.deepEqual(of("disconnected"), [{ node: "n1", session, user: null }]);
  assert.deepEqual(of("occupied"), [{ room: "chat.1" }]);
  assert.deepEqual(of("vacated"), [{ room: "chat.1" }]);
  const [{ message, ...no }] = of("refused");
  assert.deepEqual(no, { node: "n1", session, user: null, code: "not_joined" });
  assert.match(message, /chat\.2/);
  // A handshake, too.
  await assert.rejects(node.client({ token: "x.y.z" }));
  await until(() => told.some((one) => one.what === "refused" && one.session === null && one.code === "unauthorized"), "the handshake is told");
  assert.ok(!JSON.stringify(told).includes("x.y.z"));
  assert.ok((await node.metric('hubbub_notices_total{outcome="sent"}')) >= 6);
});

test("nothing is told unless it is asked for", async (t) => {
  const { service, nodes: [node] } = await cluster(t, 1, { notify: ["vacated"] });
  const told = [];
  service.subscribe("hubbub.notify.*", { callback: (error, m) => told.push(m.subject) });
  await service.flush();
  const ann = await node.client();
  await ann.ask({ op: "join", room: "chat.1" });
  node.forget(ann);
  await until(() => told.length > 0, "it is vacated");
  assert.deepEqual(told, ["hubbub.notify.vacated"]);
});

test("the example of docs/integration.md works, and is what stands there", async (t) => {
  const file = fileURLToPath(new URL("examples/backend.mjs", import.meta.url));
  const page = readFileSync(new URL("../../docs/integration.md", import.meta.url), "utf8");
  assert.ok(page.includes(readFileSync(file, "utf8").trim()), "the page shows another program than tests/integration/examples/backend.mjs");

  const { nats, service, nodes } = await cluster(t, 2, { notify: ["connected", "occupied"] });
  const child = spawn(process.execPath, [file], { env: { ...process.env, NATS_URL: nats.url }, stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  const said = [];
  createInterface({ input: child.stdout }).on("line", (line) => said.push(line));
  await until(() => said.includes("ready"), "it listens");

  const [ann, bob] = [await nodes[0].client(), await nodes[1].client()];
  await bob.ask({ op: "join", room: "orders.eu.7" });
  assert.equal((await publish(ann, "orders.eu.7", { sku: "x", quantity: 2 }, { event_id: "first" })).accepted, true);
  await bob.gets(1);
  assert.deepEqual([bob.events[0].event_id, bob.events[0].type, bob.events[0].data], ["first", "order", { sku: "x", quantity: 2 }]);
  const no = await publish(ann, "orders.eu.7", { sku: "x", quantity: 0 });
  assert.deepEqual([no.code, no.message, no.outcome], ["invalid_data", "quantity must be a positive integer", "not_stored"]);
  assert.deepEqual((await call(ann, "orders.price", { sku: "x", quantity: 3 })).data, { sku: "x", user: "", price: 15 });
  assert.equal((await call(ann, "orders.other", {})).code, "no_such_method");
  // Whatever a client says is answered, and the next one, too.
  for (const data of [null, "x", 7, [], [{ quantity: 1 }], { quantity: "1" }, { quantity: null }, {}]) {
    assert.equal((await publish(ann, "orders.eu.7", data)).code, "invalid_data", JSON.stringify(data));
    assert.equal((await call(ann, "orders.price", data)).code, "invalid_data", JSON.stringify(data));
  }
  // And so it goes on when the stream takes nothing for a while.
  const { streams } = await service.jetstreamManager();
  const { config } = await streams.info("HUBBUB_orders");
  await streams.update("HUBBUB_orders", { ...config, max_msg_size: 1 });
  const lost = await publish(ann, "orders.eu.7", { sku: "x", quantity: 3 }, { event_id: "second" });
  assert.deepEqual([lost.code, lost.message, lost.outcome], ["unavailable", "try again", "unknown"]);
  await streams.update("HUBBUB_orders", config);
  assert.equal((await publish(ann, "orders.eu.7", { sku: "x", quantity: 3 }, { event_id: "second" })).accepted, true);
  await bob.gets(2);
  assert.deepEqual(bob.events.map((event) => event.event_id), ["first", "second"]);
  assert.equal(child.exitCode, null, "it still runs");
  await until(() => said.some((line) => line.startsWith('hubbub.notify.occupied {"time":') && line.includes("orders.eu.7")), "it hears what happens");
});
