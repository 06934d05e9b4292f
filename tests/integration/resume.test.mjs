// Sessions that go on: tickets, `resume` and revocation, over real sockets, on one node and on several.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";

import { connect, refusal } from "./support/client.mjs";
import { backend, startNats, StringCodec } from "./support/nats.mjs";
import { open } from "./support/raw.mjs";
import { eventually, keyFile, mint, request, start, temporaryDirectory } from "./support/server.mjs";

const text = StringCodec();
const adminKey = "a-secret-of-the-operators";
const asAdmin = { authorization: `Bearer ${adminKey}` };

/** Keys, and the sections of a configuration that uses them. */
function keys(t) {
  const directory = temporaryDirectory(t);
  const key = keyFile(directory);
  const config = `[auth]\nhs256_key_file = "${key}"\nticket_keys = ["${keyFile(directory, "ticket.key", "t")}"]\n` +
    `[admin]\nkeys = ["${adminKey}"]\n[namespace.chat]\n`;
  return { directory, key, config };
}

/** Nodes of one cluster; `more()` starts another. */
async function cluster(t, n) {
  const nats = await startNats(t);
  const made = keys(t);
  let count = 0;
  const more = (config = made.config) =>
    start(t, { config: `${config}[nats]\nurl = "${nats.url}"\n`, node: `n${++count}` });
  const nodes = [];
  while (nodes.length < n) nodes.push(await more());
  return { nats, nodes, more, ...made };
}

const revoke = (node, order) => request(`${node.admin}/v1/revoke`, { method: "POST", headers: asAdmin, body: JSON.stringify(order) });
const publish = (client, room, data) => client.must({ op: "publish", room, type: "message", data });
const ops = (client) => client.messages.map((m) => m.op);
const at = ({ epoch, offset }) => ({ epoch, offset });
const withTicket = (ticket) => ({ protocols: ["hubbub.v1.json", `ticket.${ticket}`] });

for (const loops of [1, 4]) {
  test(`a session goes on over another connection with all it missed, ${loops} loops`, async (t) => {
    const { key, config } = keys(t);
    const node = await start(t, { config, flags: ["--loops", String(loops)] });
    const ann = await connect(node, { t, token: await mint(key) });
    const bob = await connect(node, { t, token: await mint(key, { sub: "bob" }) });
    const { welcome } = ann;
    const rooms = {};
    for (let i = 0; i < 20; ++i) {
      const room = `chat.${i}`;
      const ok = await ann.must({ op: "join", room, presence: true, info: { at: "home" } });
      rooms[room] = { ...at(ok), presence: true, info: { at: "home" } };
    }
    ann.cut();
    for (let i = 0; i < 20; ++i) await publish(bob, `chat.${i}`, i);

    const again = await connect(node, { t, welcome: false });
    const ok = await again.must({ op: "resume", ticket: welcome.ticket, rooms });
    assert.deepEqual(ops(again).slice(0, 2), ["welcome", "ok"]);
    assert.equal(again.welcome.session, welcome.session);
    assert.equal(ok.user, "ann");
    assert.equal(Object.keys(ok.rooms).length, 20);
    for (const outcome of Object.values(ok.rooms)) assert.equal(outcome.recovered, true);
    await eventually(() => again.events.length === 20, "what was missed");
    assert.deepEqual(again.events.map((e) => e.data).sort((a, b) => a - b), Array.from({ length: 20 }, (_, i) => i));
    await eventually(() => again.of("presence").filter((m) => m.reset).length === 20, "who is there");
    assert.deepEqual((await bob.must({ op: "presence", room: "chat.0" })).members.map((m) => [m.user, m.info]), [["ann", { at: "home" }]]);
  });
}

test("each room is granted anew, and a gap comes before the events", async (t) => {
  const { key, config } = keys(t);
  const node = await start(t, { config: `${config}history_size = 3\n[namespace.staff]\n` });
  const ann = await connect(node, { t, token: await mint(key, { grants: ["chat.>=join,publish,history"] }) });
  const first = await publish(ann, "chat.1", 0);
  for (let i = 1; i < 10; ++i) await publish(ann, "chat.1", i);
  const ok = await ann.must({
    op: "resume", ticket: ann.welcome.ticket,
    rooms: { "chat.1": at(first), "staff.1": { epoch: "e", offset: 0 }, "chat.2": { epoch: "e", offset: 0, presence: true } },
  });
  assert.deepEqual(ok.rooms["staff.1"], { error: "forbidden" });
  assert.deepEqual(ok.rooms["chat.2"], { error: "forbidden" }); // no grant to see who is there
  assert.equal(ok.rooms["chat.1"].recovered, false);
  await eventually(() => ann.events.length === 3, "what is kept");
  const after = ops(ann).slice(ann.messages.indexOf(ok));
  assert.deepEqual(after, ["ok", "gap", "event", "event", "event"]);
});

test("the connection before is closed by the one that resumes", async (t) => {
  const { key, config } = keys(t);
  const node = await start(t, { config });
  const before = await connect(node, { t, token: await mint(key) });
  const ok = await before.must({ op: "join", room: "chat.1" });
  const after = await connect(node, { t, ...withTicket(before.welcome.ticket) });
  assert.equal(after.welcome.session, before.welcome.session);
  assert.equal((await before.ended()).code, 4011);
  assert.equal(before.of("goodbye")[0].reconnect, false);
  // The handshake showed the ticket.
  const resumed = await after.must({ op: "resume", rooms: { "chat.1": at(ok) } });
  assert.equal(resumed.rooms["chat.1"].recovered, true);
  await publish(after, "chat.1", "here");
  await eventually(() => after.events.length === 1, "an event");
  const { text: counted } = await node.ask("/metrics", { headers: asAdmin });
  assert.match(counted, /^hubbub_ticket_handshakes_total 1$/m);
  // The token was looked at once, when the session began.
  assert.match(counted, /^hubbub_tokens_verified_total\{outcome="ok"\} 1$/m);
  assert.match(counted, /^hubbub_tokens_verified_total\{outcome="refused"\} 0$/m);
});

test("where nearly all places are taken by others' handshakes, newcomers are told when to come, and who resumes comes in", async (t) => {
  const { key, config } = keys(t);
  const node = await start(t, { config: `${config}[server]\nloops = 1\n[limits]\nhandshakes_at_once = 4\n` });
  const token = await mint(key);
  const ann = await connect(node, { t, token });
  const { ticket } = ann.welcome;
  // The fourth place is not theirs. After two seconds each makes room for others: then more come.
  const crowd = () => Promise.all([1, 2, 3].map(async () => (await open(node.port, { t })).write("GET /v1/ws HTTP/1.1\r\n")));
  const refused = (shown, status) => eventually(async () => {
    const no = await refusal(node, shown).catch(() => undefined);
    if (no?.status === status) return no;
    await crowd();
  }, `a refusal with ${status}`);
  const no = await refused({ token }, 503);
  assert.equal(no.status, 503);
  assert.equal(no.json.code, "overloaded");
  assert.match(no.headers["retry-after"], /^[123]$/);
  // A forged ticket is of no use beside a token, and none alone.
  const forged = withTicket(ticket.slice(0, -3) + (ticket.at(-3) === "A" ? "B" : "A") + ticket.slice(-2));
  await refused({ token, ...forged }, 503);
  await refused(forged, 401);
  const again = await eventually(() => connect(node, { t, ...withTicket(ticket) }).catch(() => undefined), "a session that goes on");
  assert.equal(again.welcome.session, ann.welcome.session);
  const { text: counted } = await node.ask("/metrics", { headers: asAdmin });
  assert.match(counted, /^hubbub_handshakes_refused_total\{reason="reserved"\} [1-9]/m);
});

test("tickets that do not count are refused by name, and none stands in the log", async (t) => {
  const { key, config } = keys(t);
  const node = await start(t, { config: config.replace("[admin]", 'ticket_ttl = "1s"\n[admin]'), flags: ["--log-level", "debug"] });
  const ann = await connect(node, { t, token: await mint(key) });
  const { ticket } = ann.welcome;
  const flipped = ticket.slice(0, -3) + (ticket.at(-3) === "A" ? "B" : "A") + ticket.slice(-2);
  const client = await connect(node, { t, welcome: false });
  const no = async (shown) => {
    const answer = await client.ask({ op: "resume", ticket: shown, rooms: {} });
    assert.equal(answer.op, "error");
    return `${answer.code}: ${answer.message}`;
  };
  assert.equal(await no(flipped), "unauthorized: the ticket is not as it was sealed");
  assert.match(await no(ticket.slice(1)), /^unauthorized: the ticket is /);
  assert.equal(await no("?"), "unauthorized: the ticket is malformed");
  const elsewhere = keys(t);
  const other = await start(t, { config: elsewhere.config.replace("ticket.key", "hs256.key") });
  const stranger = await connect(other, { t, token: await mint(elsewhere.key) });
  assert.equal(await no(stranger.welcome.ticket), "unauthorized: the ticket was sealed with a key that is not known here");
  // Each time half of its life has passed another one came.
  await eventually(() => ann.of("ticket").length >= 3, "new tickets");
  assert.equal(await no(ticket), "expired: the ticket has expired");
  const handshake = await refusal(node, withTicket(ticket));
  assert.equal(handshake.status, 401);
  assert.equal(handshake.json.code, "expired");
  const fresh = ann.of("ticket").at(-1).ticket;
  assert.equal((await client.must({ op: "resume", ticket: fresh, rooms: {} })).user, "ann");
  for (const shown of [ticket, flipped, fresh, stranger.welcome.ticket]) assert.ok(!node.stderr.includes(shown.slice(0, 20)));
});

test("the token's end is the resumed session's, too", async (t) => {
  const { key, config } = keys(t);
  const node = await start(t, { config });
  const ann = await connect(node, { t, token: await mint(key, { ttl: "2s" }) });
  const again = await connect(node, { t, welcome: false });
  await again.must({ op: "resume", ticket: ann.welcome.ticket, rooms: {} });
  await again.waitFor((m) => m.op === "expiring");
  assert.equal((await again.ended()).code, 4105);
});

test("a single node without keys gives tickets of its own, and its restart forgets no revocation", async (t) => {
  const { directory, key } = keys(t);
  const config = `[auth]\nhs256_key_file = "${key}"\n[admin]\nkeys = ["${adminKey}"]\n`;
  const dataDir = path.join(directory, "data");
  const node = await start(t, { config, dataDir });
  const [ann, bob] = [await mint(key), await mint(key, { sub: "bob" })];
  const client = await connect(node, { t, token: ann });
  assert.ok(client.welcome.ticket);
  assert.deepEqual((await revoke(node, { user: "ann" })).json(), { revoked: true });
  assert.equal((await client.ended()).code, 4010);
  const no = await refusal(node, { token: ann });
  assert.equal(no.status, 401);
  assert.deepEqual(no.json, { code: "unauthorized", message: "the token was revoked" });
  await node.stop();
  const next = await start(t, { config, dataDir });
  assert.equal((await refusal(next, { token: ann })).json.message, "the token was revoked");
  const other = await connect(next, { t, token: bob });
  const answer = await other.ask({ op: "resume", ticket: client.welcome.ticket, rooms: {} });
  assert.match(answer.message, /a key that is not known here/);
});

test("what was issued before is revoked, what was issued later is not", async (t) => {
  const { key, config } = keys(t);
  const node = await start(t, { config });
  const old = await mint(key);
  const client = await connect(node, { t, token: old });
  // `hubbub token` says when in whole seconds.
  assert.equal((await revoke(node, { user: "ann", before: Date.now() })).status, 200);
  assert.equal((await client.ended()).code, 4010);
  assert.equal((await refusal(node, { token: old })).status, 401);
  assert.equal((await refusal(node, withTicket(client.welcome.ticket))).json.message, "the ticket was revoked");
  await eventually(async () => {
    const fresh = await connect(node, { t, token: await mint(key) }).catch(() => null);
    return fresh?.welcome.user === "ann";
  }, "a token of later");
  for (const order of [{}, { user: "ann", before: 7 }, { user: "" }]) assert.equal((await revoke(node, order)).status, 400);
});

test("a session goes on on another node of the cluster", async (t) => {
  const { nodes: [one, two], key } = await cluster(t, 2);
  const ann = await connect(one, { t, token: await mint(key) });
  const bob = await connect(two, { t, token: await mint(key, { sub: "bob" }) });
  const rooms = {};
  for (let i = 0; i < 10; ++i) rooms[`chat.${i}`] = { ...at(await ann.must({ op: "join", room: `chat.${i}`, presence: true })), presence: true };
  const watched = await bob.must({ op: "join", room: "chat.0", presence: true });
  assert.deepEqual(watched.members.map((m) => m.user).sort(), ["ann", "bob"]);
  ann.cut();
  for (let i = 0; i < 10; ++i) await publish(bob, `chat.${i}`, `missed ${i}`);
  const again = await connect(two, { t, ...withTicket(ann.welcome.ticket) });
  assert.equal(again.welcome.session, ann.welcome.session);
  assert.equal(again.welcome.node, "n2");
  const ok = await again.must({ op: "resume", rooms });
  for (const [room, outcome] of Object.entries(ok.rooms)) assert.equal(outcome.recovered, true, room);
  await eventually(() => again.events.length === 10, "what was missed");
  await publish(bob, "chat.0", "live");
  await eventually(() => again.events.length === 11, "what comes");
  assert.ok(bob.of("presence").every((m) => !m.leave), "nobody left");
});

test("a revocation closes on every node within a second, and a node that starts later knows it", async (t) => {
  const { nats, nodes: [one, two], more, key } = await cluster(t, 2);
  const token = await mint(key);
  const everywhere = await Promise.all([one, two].map((node) => connect(node, { t, token })));
  const bob = await connect(two, { t, token: await mint(key, { sub: "bob" }) });
  const before = performance.now();
  assert.deepEqual((await revoke(one, { user: "ann" })).json(), { revoked: true });
  for (const client of everywhere) assert.equal((await client.ended(1000)).code, 4010);
  assert.ok(performance.now() - before < 1000);
  for (const node of [one, two]) {
    assert.equal((await refusal(node, { token })).status, 401);
    assert.equal((await refusal(node, withTicket(everywhere[0].welcome.ticket))).json.message, "the ticket was revoked");
  }
  // An operator with nothing but NATS.
  const operator = await backend(t, nats);
  const told = await operator.request("hubbub.control.revoke", text.encode(JSON.stringify({ session: bob.welcome.session })));
  assert.deepEqual(JSON.parse(text.decode(told.data)), { revoked: true });
  assert.equal((await bob.ended(1000)).code, 4010);
  const wrong = await operator.request("hubbub.control.revoke", text.encode("{}"));
  assert.equal(JSON.parse(text.decode(wrong.data)).code, "bad_command");

  const three = await more();
  assert.equal((await refusal(three, { token })).json.message, "the token was revoked");
  assert.equal((await refusal(three, withTicket(bob.welcome.ticket))).json.message, "the ticket was revoked");
  // Lifted, as with `nats kv del`.
  const bucket = await operator.jetstream().views.kv("hubbub_revocations", { bindOnly: true });
  assert.deepEqual(JSON.parse(text.decode((await bucket.get("user.YW5u")).value)).user, "ann");
  await bucket.delete("user.YW5u");
  await eventually(async () => (await connect(three, { t, token }).catch(() => null))?.welcome.user === "ann", "that it is lifted");
});

test("a cluster without ticket keys gives no tickets, and says so", async (t) => {
  const nats = await startNats(t);
  const { key } = keys(t);
  const node = await start(t, { config: `[auth]\nhs256_key_file = "${key}"\n[namespace.chat]\n[nats]\nurl = "${nats.url}"\n` });
  const ann = await connect(node, { t, token: await mint(key) });
  assert.equal(ann.welcome.ticket, null);
  assert.match(node.stderr, /auth\.ticket_keys is empty/);
  const answer = await ann.ask({ op: "resume", ticket: "x", rooms: {} });
  assert.equal(answer.code, "not_supported");
  assert.equal((await refusal(node, withTicket("x"))).status, 501);
});
