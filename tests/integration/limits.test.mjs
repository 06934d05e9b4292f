// Limits of a user and of an address, and refusals that cost no TLS handshake.

import assert from "node:assert/strict";
import net from "node:net";
import { describe, test } from "node:test";
import tls from "node:tls";

import { certificateFiles } from "./support/broker.mjs";
import { connect, refusal } from "./support/client.mjs";
import { eventually, keyFile, mint, start, temporaryDirectory, within } from "./support/server.mjs";

const adminKey = "a-secret-of-the-operators";
const withTicket = (ticket) => ({ protocols: ["hubbub.v1.json", `ticket.${ticket}`] });

/** A node that knows tokens; `limits` and `more` are lines of its file. */
async function node(t, limits, { more = "", flags } = {}) {
  const key = keyFile(temporaryDirectory(t));
  const config = `[auth]\nhs256_key_file = "${key}"\n[admin]\nkeys = ["${adminKey}"]\n[limits]\n${limits}\n${more}`;
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

describe("handshakes_per_second_per_ip", () => {
  test("429 and when to come again, and other addresses come in", async (t) => {
    const { server, key, refused } = await node(t, "handshakes_per_second_per_ip = 1", { flags: ["--loops", "4"] });
    const token = await mint(key);
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => connect(server, { t, token })));
    const no = tries.filter((one) => one.status === "rejected").map((one) => one.reason);
    assert.ok(no.length >= 10, `${no.length} of 20 were refused`);
    for (const { status, json, headers } of no) {
      assert.deepEqual([status, json.code], [429, "rate_limited"]);
      assert.ok(json.retry_after_ms >= 1 && json.retry_after_ms <= 2001);
      assert.ok(Number(headers["retry-after"]) >= 1);
    }
    assert.ok(new Set(no.map(({ json }) => json.retry_after_ms)).size > 1, "each at another time");
    assert.equal(await refused("handshakes_per_ip"), no.length);
    await connect(server, { t, token, localAddress: "127.0.0.2" });
    await eventually(() => connect(server, { t, token }).catch((e) => { assert.equal(e.status, 429); }), "it may again");
  });
});

describe("over TLS", () => {
  const files = certificateFiles();
  const more = `[tls]\n${Object.entries(files).map(([name, file]) => `${name} = "${file}"\n`).join("")}`;

  /** What comes of a TLS client: `{certificate, status}`; of bytes that the server sent, how many. */
  async function comes(server, protocol = "hubbub.v1.json", token) {
    const plain = net.connect(server.port, "127.0.0.1");
    const secure = tls.connect({ socket: plain, rejectUnauthorized: false });
    plain.on("error", () => {});
    let answer = "";
    const seen = await within(20_000, new Promise((resolve) => {
      const end = () => resolve({ bytes: plain.bytesRead, status: Number(answer.split(" ")[1] ?? 0), answer });
      secure.once("secureConnect", () => {
        secure.write("GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
          `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${token ? `Authorization: Bearer ${token}\r\n` : ""}Sec-WebSocket-Protocol: ${protocol}\r\n\r\n`);
      });
      secure.on("data", (data) => {
        answer += data.toString("latin1");
        if (answer.includes("\r\n\r\n")) end();
      });
      secure.on("error", end);
      secure.on("close", end);
    }), "what comes of a TLS client");
    secure.destroy();
    plain.destroy();
    return seen;
  }

  test("of many who come at once few begin TLS, others see no certificate, and who resumes comes in", async (t) => {
    const { server, key, refused } = await node(t, "handshakes_per_second = 8", { more, flags: ["--loops", "1"] });
    const token = await mint(key);
    const ann = await connect(server, { t, token, rejectUnauthorized: false });
    const { ticket } = ann.welcome;
    const begun = performance.now();
    const all = await Promise.all(Array.from({ length: 120 }, () => comes(server, undefined, token)));
    const took = (performance.now() - begun) / 1000;
    const shown = all.filter(({ bytes }) => bytes > 0);
    // 32 begin at once and in each second, and ten more are told.
    assert.ok(shown.length <= (32 + 10) * (1 + took) + 2, `${shown.length} of ${all.length} in ${took} s`);
    assert.ok(shown.some(({ status }) => status === 101), "nobody came in");
    const told = shown.filter(({ status }) => status === 503);
    assert.ok(told.length >= 5, `${told.length} were told`);
    for (const { answer } of told) assert.match(answer, /\r\nRetry-After: [0-9]+\r\n[^]*"retry_after_ms":[0-9]+/);
    assert.equal(await refused("tls"), 0);
    const before = await refused("before_tls");
    assert.ok(before >= all.length - shown.length && before > 0, `${before}`);
    // The flood goes on, and a session, too.
    await eventually(async () => {
      const [mine] = await Promise.all([comes(server, `hubbub.v1.json, ticket.${ticket}`), ...Array.from({ length: 6 }, () => comes(server, undefined, token))]);
      return mine.status === 101;
    }, "who resumes comes in", 15_000);
  });

  test("whom the node has no room for sees a certificate only to be told so", async (t) => {
    const { server, key, refused } = await node(t, "connections = 3", { more, flags: ["--loops", "1"] });
    const token = await mint(key);
    for (let i = 0; i < 3; i++) await connect(server, { t, token, rejectUnauthorized: false });
    const begun = performance.now();
    const all = await Promise.all(Array.from({ length: 60 }, () => comes(server, undefined, token)));
    const took = (performance.now() - begun) / 1000;
    const shown = all.filter(({ bytes }) => bytes > 0);
    assert.ok(shown.length <= 10 * (1 + took) + 2, `${shown.length} of ${all.length} in ${took} s`);
    const told = shown.filter(({ status }) => status === 503);
    assert.ok(told.length >= 5);
    for (const { status } of shown) assert.ok(status === 503 || status === 0, `${status}`); // 0: not within two seconds
    for (const { answer } of told) assert.match(answer, /"code":"overloaded"[^]*"retry_after_ms":[0-9]+/);
    assert.equal(await refused("connections"), 60);
    assert.equal(await refused("tls"), 0);
  });
});
