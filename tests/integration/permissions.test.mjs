// What docs/operations.md lets nodes, backends, operators and whoever makes backups do on NATS: enough for all that a cluster
// does, and no more.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";

import { backUp, restore } from "./support/backup.mjs";
import { connect } from "./support/client.mjs";
import { connect as connectNats, StringCodec, startNats } from "./support/nats.mjs";
import { authorization, repository, users } from "./support/permissions.mjs";
import { eventually, keyFile, mint, start, temporaryDirectory, within } from "./support/server.mjs";

const text = StringCodec();
const page = repository("docs/operations.md");
const block = authorization(page);
const adminKey = "a-secret-of-the-operators";
const inboxes = { hubbub: "_INBOX", orders: "_INBOX_orders", operator: "_INBOX_operator", admin: "_INBOX_admin" };

/** A nats-server with the page's users, whose password is `pw`. */
async function guarded(t) {
  const nats = await startNats(t, `${block.replaceAll('"…"', "pw")}\n`);
  const log = () => readFileSync(path.join(nats.directory, "nats.log"), "utf8").split("\n");
  return {
    nats,
    /** What was refused so far, by the server's own words. */
    violations: () => log().filter((line) => /Violation/.test(line)),
    async as(user) {
      const connection = await connectNats({ servers: nats.url, user, pass: "pw", inboxPrefix: inboxes[user] });
      t.after(() => connection.close());
      return connection;
    },
  };
}

test("deploy/ permits a node and whoever makes backups what the page does, and nobody else is there", () => {
  const { hubbub, admin } = users(block);
  assert.deepEqual(Object.keys(users(block)), Object.keys(inboxes));
  for (const file of ["deploy/compose/nats.conf", "deploy/kubernetes/nats/nats.conf"])
    assert.deepEqual(users(authorization(repository(file))), { hubbub, admin }, file);
});

test("each user reads the answers to its own questions, and the pages' clients are told where those come", () => {
  for (const [name, { subscribe }] of Object.entries(users(block)))
    assert.deepEqual(subscribe.filter((subject) => subject.startsWith("_INBOX")), [`${inboxes[name]}.>`], name);
  const told = [page, repository("docs/integration.md"), repository("docs/kubernetes.md")].join("\n");
  const prefixes = [...told.matchAll(/(?:inboxPrefix: |inbox_prefix=|CustomInboxPrefix\()"(\w+)"|--inbox-prefix (\w+)/g)].map((m) => m[1] ?? m[2]);
  assert.ok(prefixes.length > 9);
  for (const prefix of prefixes) assert.ok(Object.values(inboxes).includes(prefix), prefix);
});

test("it is enough: history, presence, live rooms, backends, resume, revocation, changed policies, drain", async (t) => {
  const { nats, violations, as } = await guarded(t);
  const directory = temporaryDirectory(t);
  const key = keyFile(directory);
  const config = (generation, size) => `[auth]\nhs256_key_file = "${key}"\nticket_keys = ["${keyFile(directory, "ticket.key", "t")}"]\n` +
    `[admin]\nkeys = ["${adminKey}"]\n[drain]\ngrace = "0s"\n` +
    `[namespace.chat]\nhistory_size = ${size}\n[namespace.orders]\npublish = "via_backend"\n[namespace.live]\nkind = "live"\n` +
    `[nats]\nurl = "nats://hubbub:pw@127.0.0.1:${nats.port}"\ngeneration = ${generation}\n` +
    'notify = ["connected", "disconnected", "occupied", "vacated", "refused"]\n';
  const [one, two] = [await start(t, { config: config(1, 100), node: "n1" }), await start(t, { config: config(1, 100), node: "n2" })];
  const client = async (node, sub) => connect(node, { t, token: await mint(key, { sub, grants: ["*.>=join,publish,history,presence,call"] }) });
  const [ann, bob] = [await client(one, "ann"), await client(two, "bob")];
  const joined = await ann.must({ op: "join", room: "chat.1", presence: true });
  await bob.must({ op: "join", room: "chat.1" });
  await eventually(async () => (await bob.must({ op: "presence", room: "chat.1" })).count === 2, "both see both");
  await bob.must({ op: "publish", room: "chat.1", type: "message", data: 1 });
  await ann.waitFor((m) => m.op === "event" && m.data === 1);
  for (const each of [ann, bob]) await each.must({ op: "join", room: "live.1" });
  await eventually(async () => {
    await bob.must({ op: "publish", room: "live.1", type: "message", data: "now" });
    return ann.events.some((e) => e.room === "live.1");
  }, "a live event on the other node");

  const orders = await as("orders");
  const heard = new Set();
  orders.subscribe("hubbub.notify.*", { callback: (_, notice) => heard.add(notice.subject) });
  orders.subscribe("hubbub.up.orders.>", { queue: "orders", callback: async (_, request) => {
    const room = request.subject.slice("hubbub.up.".length);
    await orders.jetstream().publish(`hubbub.rooms.${room}`, request.data, { headers: request.headers });
    request.respond();
  } });
  orders.subscribe("hubbub.call.orders.>", { queue: "orders", callback: (_, request) => request.respond(text.encode("7")) });
  await orders.flush();
  await bob.must({ op: "join", room: "orders.1" });
  assert.equal((await ann.must({ op: "publish", room: "orders.1", type: "order", data: 2 })).accepted, true);
  await bob.waitFor((m) => m.op === "event" && m.data === 2);
  assert.equal((await ann.must({ op: "call", method: "orders.price", data: 1 })).data, 7);
  await eventually(() => heard.has("hubbub.notify.occupied"), "a notice");

  // A node that knows a newer policy changes the stream.
  const three = await start(t, { config: config(2, 50), node: "n3" });
  const asNode = await as("hubbub");
  const stream = async () => JSON.parse(text.decode((await asNode.request("$JS.API.STREAM.INFO.HUBBUB_chat")).data)).config;
  await eventually(async () => (await stream()).max_msgs_per_subject === 50, "the stream is changed");
  assert.equal((await three.ask("/readyz")).status, 200);

  ann.cut();
  await bob.must({ op: "publish", room: "chat.1", type: "message", data: 3 });
  const back = await connect(two, { t, welcome: false });
  const rooms = { "chat.1": { epoch: joined.epoch, offset: ann.events.find((e) => e.data === 1).offset } };
  assert.equal((await back.must({ op: "resume", ticket: ann.welcome.ticket, rooms })).rooms["chat.1"].recovered, true);
  await back.waitFor((m) => m.op === "event" && m.data === 3);

  const operator = await as("operator");
  const order = JSON.stringify({ user: "ann" });
  assert.deepEqual(JSON.parse(text.decode((await operator.request("hubbub.control.revoke", text.encode(order))).data)), { revoked: true });
  assert.equal((await back.ended()).code, 4010);
  const bucket = await operator.jetstream().views.kv("hubbub_revocations", { bindOnly: true });
  const kept = [];
  for await (const entry of await bucket.keys()) kept.push(entry);
  assert.equal(kept.length, 1);
  await bucket.delete(kept[0]);
  await eventually(() => client(one, "ann").then(() => true, () => false), "ann may come again");
  const asAdmin = { authorization: `Bearer ${adminKey}` };
  const revoked = await two.ask("/v1/revoke", { method: "POST", headers: asAdmin, body: JSON.stringify({ user: "cat" }) });
  assert.equal(revoked.status, 200, revoked.text);
  assert.match((await two.ask("/metrics", { headers: asAdmin })).text, /^hubbub_notices_total\{outcome="sent"\} [1-9]/m);

  // A node that has just come does not know the others until they have beaten, and its answer may be the first.
  await eventually(async () => /^hubbub_nodes 3$/m.test((await three.ask("/metrics", { headers: asAdmin })).text), "the newest node knows the others");
  const ordered = async (what, body) => JSON.parse(text.decode((await operator.request(`hubbub.control.${what}`, text.encode(JSON.stringify(body)))).data));
  assert.equal((await ordered("disconnect", { user: "nobody" })).disconnected, 0);
  assert.deepEqual(await ordered("reload", { node: "n1" }), { node: "n1", reloaded: true });
  assert.deepEqual(await ordered("drain", { node: "n2" }), { node: "n2", status: "draining" });
  assert.deepEqual(await within(20_000, two.exited, "the end of a drained node"), { code: 0, signal: null });
  assert.equal(bob.of("goodbye")[0].code, 4101);
  const next = await connect(one, { t, welcome: false });
  assert.equal((await next.must({ op: "resume", ticket: bob.welcome.ticket, rooms: {} })).user, "bob");
  assert.deepEqual(violations(), []);
});

test("a backup of the streams is made and put back by `admin` as docs/kubernetes.md says: clients are told, and who was revoked stays it", async (t) => {
  const { nats, violations, as } = await guarded(t);
  const directory = temporaryDirectory(t);
  const key = keyFile(directory);
  const config = `[auth]\nhs256_key_file = "${key}"\n[admin]\nkeys = ["${adminKey}"]\n[namespace.chat]\n[nats]\nurl = "nats://hubbub:pw@127.0.0.1:${nats.port}"\n[drain]\ngrace = "0s"\n`;
  const asAdmin = { authorization: `Bearer ${adminKey}` };
  const say = async (node, data) => {
    const answer = await node.ask("/v1/publish", { method: "POST", headers: asAdmin, body: JSON.stringify({ room: "chat.1", type: "message", data }) });
    assert.equal(answer.status, 200, answer.text);
    return JSON.parse(answer.text);
  };
  const before = await start(t, { config, node: "n1" });
  const { epoch } = await say(before, 1);
  await say(before, 2);
  assert.equal((await before.ask("/v1/revoke", { method: "POST", headers: asAdmin, body: '{"user":"ann"}' })).status, 200);

  const streams = ["KV_hubbub_revocations", "HUBBUB_chat"];
  for (const stream of streams) assert.ok(repository("docs/kubernetes.md").includes(`\nnats stream restore backup/${stream}\n`), stream);
  let admin = await as("admin");
  const backups = [];
  for (const stream of streams) backups.push(await backUp(admin, stream, inboxes.admin));
  await say(before, "lost");
  before.signal("SIGTERM");
  await within(20_000, before.exited, "the end of the node");
  await nats.kill();
  nats.forget();
  await nats.start();

  admin = await as("admin");
  for (const backup of backups) await restore(admin, backup);
  const asked = await admin.request("$JS.API.STREAM.INFO.HUBBUB_chat");
  const info = JSON.parse(text.decode(asked.data));
  // The page's own line makes the new description.
  writeFileSync(path.join(directory, "info.json"), JSON.stringify(info, null, 2));
  const [, line] = /^nats stream edit HUBBUB_chat --force --description "\$\(nats stream info HUBBUB_chat --json \| (.*)\)"$/m.exec(repository("docs/kubernetes.md"));
  const description = execFileSync("bash", ["-c", `cat info.json | ${line}`], { cwd: directory, encoding: "utf8" }).trim();
  assert.match(description, /^hubbub generation=1 policy=\S+ raised=0 life=[0-9a-f]{8} id=\S+$/);
  assert.equal(description.replace(/life=\S+/, "life=0"), info.config.description);
  const edited = JSON.parse(text.decode((await admin.request("$JS.API.STREAM.UPDATE.HUBBUB_chat", text.encode(JSON.stringify({ ...info.config, description })))).data));
  assert.equal(edited.error, undefined);

  const after = await start(t, { config, node: "n1" });
  const client = async (sub) => connect(after, { t, token: await mint(key, { sub, grants: ["*.>=join,publish,history"] }) });
  const bob = await client("bob");
  const joined = await bob.must({ op: "join", room: "chat.1", since: { epoch, offset: 3 } });
  assert.notEqual(joined.epoch, epoch);
  assert.equal(joined.recovered, false);
  const { events } = JSON.parse((await after.ask("/v1/rooms/chat.1/history", { headers: asAdmin })).text);
  assert.deepEqual(events.map((event) => event.data), [1, 2]);
  assert.equal((await say(after, "new")).epoch, joined.epoch);
  await assert.rejects(client("ann"));
  assert.deepEqual(violations(), []);
});

test("it is no more: what others are for is refused to each", async (t) => {
  const { violations, as } = await guarded(t);
  const beyond = {
    hubbub: {
      publish: ["hubbub.out.chat.1", "hubbub.canary-out.n1", "hubbub.control.revoke", "hubbub.control.drain", "orders.new", "$KV.others.a", "$SYS.REQ.SERVER.PING",
        "$JS.API.STREAM.DELETE.HUBBUB_chat", "$JS.API.STREAM.PURGE.HUBBUB_chat", "$JS.API.STREAM.MSG.DELETE.HUBBUB_chat", "$JS.API.STREAM.SNAPSHOT.HUBBUB_chat", "$JS.API.STREAM.RESTORE.HUBBUB_chat", "_INBOX_orders.1", "_INBOX_admin.1"],
      subscribe: [">", "hubbub.>", "hubbub.up.>", "hubbub.call.>", "hubbub.notify.>", "$JS.API.>", "_INBOX_operator.>", "_INBOX_admin.>"],
    },
    orders: {
      publish: ["hubbub.rooms.chat.1", "hubbub.out.orders.1", "hubbub.live.orders.1", "hubbub.node.beat", "hubbub.control.revoke", "hubbub.control.drain", "hubbub.control.disconnect",
        "hubbub.up.orders.1", "_INBOX.a.1", "$KV.hubbub_revocations.user.YQ", "$JS.API.STREAM.INFO.HUBBUB_orders"],
      subscribe: ["hubbub.>", "hubbub.up.chat.>", "hubbub.call.>", "hubbub.rooms.>", "hubbub.out.>", "hubbub.presence.>", "_INBOX.>", "_INBOX_operator.>", "$KV.hubbub_revocations.>"],
    },
    operator: {
      publish: ["hubbub.rooms.chat.1", "hubbub.out.chat.1", "hubbub.node.beat", "hubbub.notify.refused", "$JS.API.STREAM.DELETE.KV_hubbub_revocations", "$JS.API.STREAM.INFO.HUBBUB_chat", "$JS.API.STREAM.SNAPSHOT.KV_hubbub_revocations"],
      subscribe: ["hubbub.>", "hubbub.out.>", "hubbub.up.>", "hubbub.control.*", "hubbub.notify.*", "_INBOX.>", "_INBOX_orders.>"],
    },
    admin: {
      publish: ["hubbub.rooms.chat.1", "hubbub.out.chat.1", "hubbub.live.chat.1", "hubbub.control.revoke", "hubbub.control.drain", "$KV.hubbub_revocations.user.YQ", "_INBOX.a.1", "_INBOX_orders.1", "$SYS.REQ.SERVER.PING"],
      subscribe: [">", "hubbub.>", "hubbub.out.>", "hubbub.up.>", "hubbub.control.*", "hubbub.notify.*", "$KV.>", "_INBOX.>", "_INBOX_operator.>"],
    },
  };
  for (const [user, { publish, subscribe }] of Object.entries(beyond)) {
    const connection = await as(user);
    for (const subject of publish) connection.publish(subject, text.encode("1"));
    for (const subject of subscribe) connection.subscribe(subject, { callback: () => {} });
    const wanted = [...publish.map((s) => `Publish Violation - User "${user}", Subject "${s}"`), ...subscribe.map((s) => `Subscription Violation - User "${user}", Subject "${s}"`)];
    const missing = () => wanted.filter((one) => !violations().some((line) => line.includes(one)));
    await eventually(() => missing().length === 0).catch(() => assert.deepEqual(missing(), []));
  }
});
