// The change of ticket keys as docs/kubernetes.md has it: during each rollout old and new nodes open each other's tickets.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";

import { connect } from "./support/client.mjs";
import { repository } from "./support/permissions.mjs";
import { eventually, keyFile, mint, start, temporaryDirectory } from "./support/server.mjs";

test("in no step of the page's change of ticket keys is a ticket refused that an old or a new node has just given", async (t) => {
  const steps = [...repository("docs/kubernetes.md").matchAll(/^\d\. .*?`ticket_keys = (\[[^`]*\])`/gms)].map(([, list]) => JSON.parse(list));
  assert.equal(steps.length, 3);
  const directory = temporaryDirectory(t);
  const key = keyFile(directory);
  const [before, during, after] = [temporaryDirectory(t), temporaryDirectory(t), temporaryDirectory(t)];
  for (const where of [before, during]) keyFile(where, "current.key", "o");
  keyFile(during, "next.key", "n");
  for (const name of ["current.key", "next.key"]) keyFile(after, name, "n");
  const node = (list, secret) => {
    const files = JSON.stringify(list.map((file) => path.join(secret, path.basename(file))));
    return start(t, { config: `[auth]\nhs256_key_file = "${key}"\nticket_keys = ${files}\n[namespace.chat]\n[admin]\nkeys = ["a-secret-of-the-operators"]\n` });
  };
  const first = ["current.key"];
  const rollouts = [
    [[first, during], [steps[0], during]],
    [[steps[0], during], [steps[1], during]],
    [[steps[1], during], [steps[1], after]], // one that starts while the Secret is the last one's already
    [[steps[1], after], [steps[2], after]],
  ];
  const token = await mint(key);
  const resumes = async (from, to) => {
    const { welcome } = await connect(from, { t, token });
    const back = await connect(to, { t, welcome: false });
    const answer = await back.ask({ op: "resume", ticket: welcome.ticket, rooms: {} });
    return answer.message ?? answer.user;
  };
  for (const [i, pair] of rollouts.entries()) {
    const [old, fresh] = await Promise.all(pair.map(([list, secret]) => node(list, secret)));
    assert.equal(await resumes(old, fresh), "ann", `rollout ${i + 1}`);
    assert.equal(await resumes(fresh, old), "ann", `rollout ${i + 1}`);
  }
  const [outside, last] = [await node(first, before), await node(steps[2], after)];
  assert.match(await resumes(outside, last), /a key that is not known here/);
});

test("keys are changed on SIGHUP, node by node, and no ticket that is still good is refused", async (t) => {
  const steps = [...repository("docs/kubernetes.md").matchAll(/^\| \(([abc])\) \|/gm)].map(([, step]) => step);
  assert.deepEqual(steps, ["a", "b", "c"], "the page's");
  const key = keyFile(temporaryDirectory(t));
  const token = await mint(key);
  const nodes = await Promise.all([1, 2].map(async () => {
    const secret = temporaryDirectory(t);
    keyFile(secret, "current.key", "o");
    keyFile(secret, "next.key", "x");
    const files = JSON.stringify(["current.key", "next.key"].map((name) => path.join(secret, name)));
    const server = await start(t, { config: `[auth]\nhs256_key_file = "${key}"\nticket_keys = ${files}\n[namespace.chat]\n[admin]\nkeys = ["a-secret-of-the-operators"]\n` });
    return { server, secret };
  }));
  const resume = async ({ server }, ticket) => {
    const answer = await (await connect(server, { t, welcome: false })).ask({ op: "resume", ticket, rooms: {} });
    return answer.message ?? answer.user;
  };
  const ticketOf = async ({ server }) => (await connect(server, { t, token })).welcome.ticket;
  const reads = ({ server }) => server.stderr.split("\n").filter((line) => line.includes("ticket keys were read again")).length;
  const [first] = nodes;
  const stays = await connect(first.server, { t, token });
  const oldest = await ticketOf(first);
  for (const [current, next] of [["o", "n"], ["n", "o"], ["n", "y"]]) {
    for (const node of nodes) {
      keyFile(node.secret, "current.key", current);
      keyFile(node.secret, "next.key", next);
      const before = reads(node);
      node.server.signal("SIGHUP");
      await eventually(() => reads(node) > before, "the keys are read");
      // One node is ahead of the other, then they are alike.
      for (const [from, to] of [nodes, [...nodes].reverse()])
        assert.equal(await resume(to, await ticketOf(from)), "ann", `${current}${next}`);
    }
  }
  assert.match(await resume(first, oldest), /a key that is not known here/);
  await stays.must({ op: "join", room: "chat.1" });
});

test("a bad file of ticket keys changes nothing at SIGHUP, and is named", async (t) => {
  const directory = temporaryDirectory(t);
  const key = keyFile(directory);
  const tickets = keyFile(directory, "tickets.key", "t");
  const server = await start(t, { config: `[auth]\nhs256_key_file = "${key}"\nticket_keys = ["${tickets}"]\n[namespace.chat]\n[admin]\nkeys = ["a-secret-of-the-operators"]\n` });
  const token = await mint(key);
  const { welcome } = await connect(server, { t, token });
  for (const [text, why] of [["short", /tickets: .*tickets\.key.*at least 32 are needed/], ["", /tickets: .*tickets\.key/]]) {
    const said = server.stderr.length;
    writeFileSync(tickets, text);
    server.signal("SIGHUP");
    await eventually(() => why.test(server.stderr.slice(said)), `a complaint in: ${server.stderr}`);
    for (const ticket of [welcome.ticket, (await connect(server, { t, token })).welcome.ticket]) {
      const answer = await (await connect(server, { t, welcome: false })).ask({ op: "resume", ticket, rooms: {} });
      assert.equal(answer.user, "ann", JSON.stringify(answer));
    }
  }
  assert.ok(!server.stderr.includes("short"));
});
