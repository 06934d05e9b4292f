// The change of ticket keys as docs/kubernetes.md has it: during each rollout old and new nodes open each other's tickets.

import assert from "node:assert/strict";
import path from "node:path";
import test from "node:test";

import { connect } from "./support/client.mjs";
import { repository } from "./support/permissions.mjs";
import { keyFile, mint, start, temporaryDirectory } from "./support/server.mjs";

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
