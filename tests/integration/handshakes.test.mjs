// Handshakes that are refused because there are too many connections, or too many of them.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { connect, refusal } from "./support/client.mjs";
import { open } from "./support/raw.mjs";
import { eventually, start } from "./support/server.mjs";

/** Is there room for one more client? */
async function letsIn(server, t) {
  try {
    (await connect(server, { t })).cut();
    return true;
  } catch {
    return false;
  }
}

describe("handshakes", () => {
  test("503: the node's connections, and those of one address", async (t) => {
    for (const limit of ["connections", "connections_per_ip"]) {
      const server = await start(t, { config: `[limits]\n${limit} = 3\n`, dev: true });
      const clients = [];
      for (let i = 0; i < 3; i++) clients.push(await connect(server, { t }));
      const no = await refusal(server, {});
      assert.equal(no.status, 503, limit);
      assert.equal(no.json.code, "overloaded");
      assert.ok(Number(no.headers["retry-after"]) >= 1, limit);
      assert.equal(await server.metric('hubbub_handshakes_refused_total{reason="connections"}'), 1);
      await clients[0].leave();
      await eventually(() => letsIn(server, t), "a place that is free again");
    }
  });

  test("503: half handshakes take up their places for two seconds, and nobody else's", async (t) => {
    const server = await start(t, { config: "[server]\nloops = 1\n[limits]\nhandshakes_at_once = 4\n", dev: true });
    const refused = (reason) => server.metric(`hubbub_handshakes_refused_total{reason="${reason}"}`);
    const within = await connect(server, { t });
    const half = await Promise.all(Array.from({ length: 4 }, () => open(server.port, { t })));
    const begun = performance.now();
    for (const raw of half) await raw.write("GET /v1/ws HTTP/1.1\r\n");
    try {
      await connect(server, { t });
      assert.ok(performance.now() - begun >= 1900, "a fifth");
    } catch (no) {
      if (no.status === undefined) throw no;
      assert.equal(no.status, 503);
      assert.equal(no.json.code, "overloaded");
      assert.match(no.headers["retry-after"], /^[123]$/);
      // On a slow machine one of them has waited too long already in a place that is kept for others.
      assert.equal(await refused("handshakes") + await refused("reserved"), 1);
    }
    await eventually(() => letsIn(server, t), "one of them has gone");
    assert.ok(await refused("crowded_out") >= 1);
    await within.must({ op: "join", room: "chat.1" });
  });

  test("half handshakes of one address are its own connections, and leave others theirs", async (t) => {
    // One loop, which accepts them in their order.
    const server = await start(t, { config: "[server]\nloops = 1\n[limits]\nconnections_per_ip = 3\n", dev: true });
    for (let i = 0; i < 3; i++) await (await open(server.port, { t })).write("GET /v1/ws HTTP/1.1\r\n");
    assert.equal((await refusal(server, {})).status, 503);
    await connect(server, { t, localAddress: "127.0.0.2" });
  });

  test("503 and when to come again: more handshakes than the node takes a second", async (t) => {
    const server = await start(t, { config: "[limits]\nhandshakes_per_second = 4\n", dev: true });
    const tries = await Promise.allSettled(Array.from({ length: 12 }, () => connect(server, { t })));
    const refused = tries.filter((one) => one.status === "rejected").map((one) => one.reason);
    assert.ok(refused.length >= 6 && refused.length <= 10, `${refused.length} of 12 were refused`);
    for (const no of refused) {
      assert.equal(no.status, 503, no.message);
      assert.equal(no.json.code, "overloaded");
      assert.ok(Number(no.headers["retry-after"]) >= 1);
    }
    assert.equal(await server.metric('hubbub_handshakes_refused_total{reason="overloaded"}'), refused.length);
    await eventually(() => letsIn(server, t), "a place later");
  });

  test("4102: a browser is told when to come again behind the upgrade", async (t) => {
    const server = await start(t, { config: "[limits]\nhandshakes_per_second = 2\n", dev: true });
    const told = [];
    for (let i = 0; i < 8; i++) {
      const client = await connect(server, { t, welcome: false, headers: { origin: "http://localhost" } });
      const first = await client.waitFor(() => true);
      if (first.op === "goodbye") told.push(first);
    }
    assert.ok(told.length >= 4, `${told.length} of 8`);
    for (const goodbye of told) {
      assert.deepEqual([goodbye.code, goodbye.reconnect], [4102, true]);
      assert.ok(goodbye.retry_after_ms >= 1 && goodbye.retry_after_ms < 10_000);
    }
  });
});
