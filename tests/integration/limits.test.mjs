// Limits of a user.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { connect, refusal } from "./support/client.mjs";
import { eventually, keyFile, mint, start, temporaryDirectory } from "./support/server.mjs";

const adminKey = "a-secret-of-the-operators";
const withTicket = (ticket) => ({ protocols: ["hubbub.v1.json", `ticket.${ticket}`] });

/** A node that knows tokens; `limits` are lines of its file. */
async function node(t, limits, { flags } = {}) {
  const key = keyFile(temporaryDirectory(t));
  const config = `[auth]\nhs256_key_file = "${key}"\n[admin]\nkeys = ["${adminKey}"]\n[limits]\n${limits}\n`;
  const server = await start(t, { config, flags });
  const metrics = async () => (await server.ask("/metrics", { headers: { authorization: `Bearer ${adminKey}` } })).text;
  const counted = async (sample) => Number((await metrics()).split("\n").find((line) => line.startsWith(`${sample} `))?.split(" ")[1] ?? 0);
  return { server, key, counted, refused: (reason) => counted(`hubbub_handshakes_refused_total{reason="${reason}"}`) };
}

describe("connections_per_user", () => {
  test("a user has no more than it may, by any way to say who it is", async (t) => {
    const { server, key, counted, refused } = await node(t, "connections_per_user = 2");
    const token = await mint(key);
    const [one] = await Promise.all([1, 2].map(() => connect(server, { t, token })));
    const no = await refusal(server, { token });
    assert.equal(no.status, 429);
    assert.equal(no.json.code, "too_many_connections");
    assert.match(no.json.message, /2 connections/);
    assert.ok(Number(no.headers["retry-after"]) >= 2);
    assert.ok(no.json.retry_after_ms >= 2000 && no.json.retry_after_ms < 10_000);
    assert.equal(await refused("connections_per_user"), 1);
    // In the first frame.
    const late = await connect(server, { t, welcome: false });
    const told = await late.ask({ op: "auth", token });
    assert.deepEqual([told.op, told.code], ["error", "too_many_connections"]);
    assert.equal((await late.ended()).code, 4106);
    const [goodbye] = late.of("goodbye");
    assert.equal(goodbye.reconnect, true);
    assert.equal(goodbye.retry_after_ms, told.retry_after_ms);
    assert.equal(await counted('hubbub_goodbyes_total{code="4106"}'), 1);
    // Others are not concerned, and a place that is given back is free.
    await connect(server, { t, token: await mint(key, { sub: "bob" }) });
    await one.leave();
    const again = await eventually(() => connect(server, { t, token }).catch((e) => { assert.equal(e.status, 429); }), "a place");
    await again.must({ op: "join", room: "chat.1" });
    assert.ok(!server.stderr.includes(token));
  });

  test("a browser is told behind the upgrade", async (t) => {
    const directory = temporaryDirectory(t);
    const key = keyFile(directory);
    const server = await start(t, { config: `[auth]\nhs256_key_file = "${key}"\norigins = ["https://app.example"]\n[limits]\nconnections_per_user = 1\n` });
    const token = await mint(key);
    await connect(server, { t, token });
    const browser = await connect(server, { t, token, welcome: false, headers: { origin: "https://app.example" } });
    assert.equal((await browser.ended()).code, 4106);
    const [goodbye] = browser.of("goodbye");
    assert.ok(goodbye.retry_after_ms >= 2000);
    assert.equal(browser.welcome, undefined);
  });

  for (const loops of [1, 4]) {
    test(`a session goes on though its connection before is half dead, ${loops} loops`, async (t) => {
      const { server, key } = await node(t, "connections_per_user = 1", { flags: ["--loops", String(loops)] });
      const token = await mint(key);
      const before = await connect(server, { t, token });
      before.socket._socket.pause(); // and hears nothing any more
      const { session, ticket } = before.welcome;
      assert.equal((await refusal(server, { token })).status, 429);
      const after = await connect(server, { t, ...withTicket(ticket) });
      assert.equal(after.welcome.session, session);
      const last = await connect(server, { t, welcome: false });
      await last.must({ op: "resume", ticket: after.welcome.ticket, rooms: {} });
      assert.equal(last.welcome.session, session);
      assert.equal((await after.ended()).code, 4011);
      assert.equal((await refusal(server, { token })).status, 429);
      before.cut();
      await last.leave();
      await eventually(() => connect(server, { t, token }).catch((e) => { assert.equal(e.status, 429); }), "a place", 15_000);
    });
  }

  test("whoever comes at the same time, no more come in, and nothing is left behind", async (t) => {
    const { server, key, refused } = await node(t, "connections_per_user = 3", { flags: ["--loops", "4"] });
    const token = await mint(key);
    for (let round = 0; round < 3; round++) {
      const tries = await Promise.allSettled(Array.from({ length: 12 }, () => connect(server, { t, token })));
      const inside = tries.filter((one) => one.status === "fulfilled").map((one) => one.value);
      assert.equal(inside.length, 3);
      for (const one of tries) if (one.status === "rejected") assert.equal(one.reason.status, 429, one.reason.message);
      for (const one of inside) one.cut();
      const before = await refused("connections_per_user");
      assert.ok(before >= 9 * (round + 1));
      await eventually(async () => (await server.ask("/metrics", { headers: { authorization: `Bearer ${adminKey}` } })).text.includes("\nhubbub_connections 0\n"), "all are gone");
    }
  });
});
