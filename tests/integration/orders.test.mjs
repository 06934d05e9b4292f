// What operators order over NATS reaches the nodes that it means, and no other.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { execFileSync } from "node:child_process";
import path from "node:path";
import test from "node:test";
import tls from "node:tls";

import { connect } from "./support/client.mjs";
import { backend, startNats, StringCodec } from "./support/nats.mjs";
import { eventually, keyFile, mint, start, temporaryDirectory, within } from "./support/server.mjs";

const text = StringCodec();

async function cluster(t, n, more = "") {
  const nats = await startNats(t);
  const key = keyFile(temporaryDirectory(t));
  const config = `[auth]\nhs256_key_file = "${key}"\n[admin]\nkeys = ["a-secret-of-the-operators"]\n[drain]\ngrace = "0s"\n` +
    `[namespace.chat]\n[nats]\nurl = "${nats.url}"\n${more}`;
  const nodes = await Promise.all(Array.from({ length: n }, (_, i) => start(t, { config, node: `n${i + 1}` })));
  const operator = await backend(t, nats);
  return {
    nats,
    nodes,
    /** Each node's answer, by its name, when all `of` have given theirs. */
    async order(what, order, of = n) {
      const body = text.encode(typeof order === "string" ? order : JSON.stringify(order));
      const answers = [];
      for await (const answer of await operator.requestMany(`hubbub.control.${what}`, body, { strategy: "count", maxMessages: of, maxWait: 5000 }))
        answers.push(JSON.parse(text.decode(answer.data)));
      return answers.sort((a, b) => (a.node < b.node ? -1 : 1));
    },
    client: async (node, sub) => connect(node, { t, token: await mint(key, { sub }) }),
  };
}

/** How many nodes each of them knows. */
const known = async (node) => (await node.ask("/v1/node", { headers: { authorization: "Bearer a-secret-of-the-operators" } })).json().nodes.length;

test("an operator with nothing but NATS drains one node, and disconnects on all", async (t) => {
  const { nodes: [one, two, three], order, client } = await cluster(t, 3);
  for (const node of [one, two, three]) await eventually(async () => (await known(node)) === 3, "they know each other");
  const [ann, again, bob, cat] = [await client(one, "ann"), await client(two, "ann"), await client(two, "bob"), await client(three, "cat")];
  assert.deepEqual(await order("disconnect", { user: "ann" }),
    [{ node: "n1", disconnected: 1 }, { node: "n2", disconnected: 1 }, { node: "n3", disconnected: 0 }]);
  for (const gone of [ann, again]) assert.equal((await gone.ended()).code, 4010);
  assert.deepEqual((await order("disconnect", { session: bob.welcome.session, reconnect: true })).map((a) => a.disconnected), [0, 1, 0]);
  assert.equal((await bob.ended()).code, 4106);

  // By now none is left that does not know the others yet, and leaves the answer to them.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  // Nobody is drained who was not named.
  for (const [wrong, code, why] of [
    ["", "bad_frame", "the order is not a JSON object"],
    ["{}", "bad_command", "field `node` must name the node that is meant: all at once is not possible"],
    [{ all: true }, "bad_command", "field `node` must name the node that is meant: all at once is not possible"],
    [{ node: "n9" }, "bad_command", "field `node`: there is no node n9 (there are: n1, n2, n3)"],
  ])
    assert.deepEqual(await order("drain", wrong), ["n1", "n2", "n3"].map((node) => ({ code, message: why, node })));
  assert.deepEqual((await order("disconnect", "rubbish")).map((a) => a.code), Array(3).fill("bad_frame"));
  const { text: metrics } = await two.ask("/metrics", { headers: { authorization: "Bearer a-secret-of-the-operators" } });
  assert.match(metrics, /^hubbub_nats_strange_messages_total\{what="order"\} 5$/m);
  assert.equal(two.stderr.match(/an order to drain is not understood/g).length, 1, "once a minute");
  for (const node of [one, two, three]) assert.equal((await node.ask("/readyz")).status, 200);

  assert.deepEqual(await order("drain", { node: "n3" }, 1), [{ node: "n3", status: "draining" }]);
  assert.deepEqual(await within(20_000, three.exited, "the end of a drained node"), { code: 0, signal: null });
  assert.equal(cat.of("goodbye")[0].code, 4101);
  for (const node of [one, two]) assert.equal((await node.ask("/readyz")).status, 200);
});

test("an operator with nothing but NATS has certificates read again", async (t) => {
  const directory = temporaryDirectory(t);
  const files = { certificate: path.join(directory, "c.pem"), key: path.join(directory, "k.pem") };
  const make = () => execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
    "-subj", "/CN=localhost", "-keyout", files.key, "-out", files.certificate], { stdio: "ignore" });
  make();
  const { nodes: [node], order } = await cluster(t, 1, `[tls]\ncertificate = "${files.certificate}"\nkey = "${files.key}"\n`);
  const shown = () => new Promise((resolve, reject) => {
    const socket = tls.connect({ port: node.port, rejectUnauthorized: false }, () => {
      resolve(new X509Certificate(socket.getPeerCertificate().raw).serialNumber);
      socket.destroy();
    }).once("error", reject);
  });
  const before = await shown();
  make();
  assert.deepEqual(await order("reload", { all: true }), [{ node: "n1", reloaded: true }]);
  assert.notEqual(await shown(), before);
  execFileSync("cp", ["/dev/null", files.key]);
  const [refused] = await order("reload", { node: "n1" });
  assert.equal(refused.code, "invalid_data");
  assert.ok(refused.message.includes(files.key), refused.message);
  assert.notEqual(await shown(), before);
});

test("what operators do is told to whoever listens, if that is asked for", async (t) => {
  const { nats, nodes: [one], order } = await cluster(t, 1, 'notify = ["audit"]\n');
  const listener = await backend(t, nats);
  const told = [];
  listener.subscribe("hubbub.notify.*", { callback: (_, m) => told.push({ subject: m.subject, ...JSON.parse(text.decode(m.data)) }) });
  await listener.flush();
  const admin = (where, body) => one.ask(where, { method: "POST", headers: { authorization: "Bearer a-secret-of-the-operators" }, body: JSON.stringify(body) });
  assert.equal((await admin("/v1/disconnect", { user: "ann" })).status, 200);
  assert.equal((await admin("/v1/revoke", { token_id: "t-1" })).status, 200);
  assert.equal((await admin("/v1/publish", { room: "chat.1", type: "message", data: "secret" })).status, 200);
  await order("revoke", { user: "bob" }, 1);
  await order("disconnect", { user: "cat" });
  await order("disconnect", "{}");
  await order("drain", { node: "n1" });
  assert.deepEqual(await within(20_000, one.exited, "the end of a drained node"), { code: 0, signal: null });
  await eventually(() => told.length === 5, "five notices").catch(() => assert.equal(told.length, 5, JSON.stringify(told)));
  assert.ok(told.every(({ subject, node, time }) => subject === "hubbub.notify.audit" && node === "n1" && Math.abs(Date.now() - time) < 60_000));
  assert.deepEqual(told.map(({ subject, node, time, ...what }) => what), [
    { action: "disconnect", by: "admin", user: "ann", connections: 0 },
    { action: "revoke", by: "admin", token_id: "t-1" },
    { action: "revoke", by: "nats", user: "bob" },
    { action: "disconnect", by: "nats", user: "cat", connections: 0 },
    { action: "drain", by: "nats" },
  ]);
});
