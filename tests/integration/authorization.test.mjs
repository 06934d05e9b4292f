// Every way in and out of who may: where a token comes from, and what it lets its client do.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { connect, refusal } from "./support/client.mjs";
import { isError } from "./support/errors.mjs";
import { keyFile, mint, start, temporaryDirectory } from "./support/server.mjs";

const base64url = (value) => Buffer.from(value).toString("base64url");

/** A JWT made by hand: any header, any claims, signed with `secret` or with nothing. */
function forge(header, claims, secret) {
  const signed = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}`;
  return `${signed}.${secret ? createHmac("sha256", secret).update(signed).digest("base64url") : ""}`;
}

describe("who may", () => {
  let server, directory, key, other;
  const open = (how) => connect(server, how);
  before(async () => {
    directory = temporaryDirectory();
    key = keyFile(directory);
    other = keyFile(directory, "other.key", "o");
    server = await start(null, {
      config: `[auth]\nhs256_key_file = "${key}"\norigins = ["https://app.example.com"]\n` +
        '[limits]\nauthenticate_within = "700ms"\ncommands_per_second = 0\n' +
        '[namespace.live]\nkind = "live"\n[namespace.closed]\npublish = "off"\n' +
        '[namespace.open]\nanyone = ["join"]\n',
    });
  });
  after(() => server?.kill());

  const doors = {
    "the Authorization header": (token) => ({ token }),
    "a subprotocol item": (token) => ({ protocols: ["hubbub.v1.json", `bearer.${token}`] }),
    "a cookie of an allowed origin": (token) => ({
      headers: { origin: "https://app.example.com", cookie: `a=b; hubbub_token=${token}; c=d` },
    }),
    "the query": (token) => ({ path: `/v1/ws?x=1&token=${token}` }),
  };
  for (const [name, door] of Object.entries(doors)) {
    test(`a token comes in by ${name}`, async (t) => {
      const client = await open({ t, ...door(await mint(key, { sub: "ann" })) });
      assert.equal(client.welcome.user, "ann");
      assert.equal(client.socket.protocol, "hubbub.v1.json");
      await client.must({ op: "join", room: "chat.1" });
    });

    test(`a forged token does not, by ${name}`, async () => {
      const no = await refusal(server, door(await mint(other)));
      assert.equal(no.status, 401);
      assert.equal(no.json.code, "unauthorized");
    });
  }

  test("a token comes in by the first frame, and welcome comes before its ok", async (t) => {
    const client = await open({ t, welcome: false });
    const answer = await client.must({ op: "auth", token: await mint(key, { sub: "bob", ttl: "1h" }) });
    assert.deepEqual(client.messages.map((m) => m.op), ["welcome", "ok"]);
    assert.equal(client.welcome.user, "bob");
    assert.equal(answer.user, "bob");
    assert.match(answer.ticket, /^[\w-]+$/);
    assert.ok(answer.expires_in_ms > 3_500_000 && answer.expires_in_ms <= 3_600_000, answer.expires_in_ms);
    // Well past the time for it.
    await new Promise((resolve) => setTimeout(resolve, 1200));
    await client.must({ op: "join", room: "chat.1" });
  });

  test("a cookie of a page that is not listed, or of none, is refused", async () => {
    const cookie = `hubbub_token=${await mint(key)}`;
    for (const headers of [{ cookie }, { cookie, origin: "https://evil.example" }, { origin: "https://evil.example" }]) {
      const no = await refusal(server, { headers });
      assert.equal(no.status, 403, JSON.stringify(headers));
      assert.equal(no.json.code, "forbidden");
    }
  });

  test("a cookie that does not count is no obstacle to another token", async (t) => {
    const open = await start(t, { config: `[auth]\nhs256_key_file = "${key}"\n` });
    const stale = { cookie: "hubbub_token=stale" };
    const alone = await refusal(open, { headers: { ...stale, origin: "https://app.example.com" } });
    assert.equal(alone.status, 403);
    for (const [name, door] of Object.entries(doors)) {
      if (name.includes("cookie")) continue;
      const how = door(await mint(key));
      for (const headers of [stale, { ...stale, origin: "https://other.example" }]) {
        const client = await connect(open, { t, ...how, headers: { ...how.headers, ...headers } });
        assert.equal(client.welcome.user, "ann", name);
      }
    }
  });

  test("unauthorized: every command but auth before authentication", async (t) => {
    const client = await open({ t, welcome: false });
    const commands = [
      { op: "join", room: "chat.1" }, { op: "leave", room: "chat.1" }, { op: "publish", room: "chat.1", type: "t", data: 1 },
      { op: "history", room: "chat.1", limit: 1 }, { op: "presence", room: "chat.1" },
      { op: "update", room: "chat.1", info: 1 }, { op: "call", method: "a.b", data: 1 },
    ];
    for (const command of commands) isError(await client.ask({ id: "u", ...command }), "unauthorized", "u");
    assert.equal(client.welcome, undefined);
  });

  test("unauthorized: forged tokens in the first frame", async (t) => {
    const client = await open({ t, welcome: false });
    const claims = { sub: "eve", exp: Math.floor(Date.now() / 1000) + 3600, grants: { "*.>": ["join"] } };
    const secret = "k".repeat(48);
    const good = forge({ alg: "HS256", typ: "JWT" }, claims, secret);
    const [header, , signature] = good.split(".");
    const forged = {
      "no JWT": "x",
      "another key": await mint(other),
      "alg none": forge({ alg: "none" }, claims),
      "alg none with a signature": forge({ alg: "none" }, claims, secret),
      "another algorithm's name": forge({ alg: "HS512" }, claims, secret),
      "no algorithm": forge({ typ: "JWT" }, claims, secret),
      "other claims": `${header}.${base64url(JSON.stringify({ ...claims, sub: "root" }))}.${signature}`,
      "no signature": `${good.slice(0, good.lastIndexOf("."))}.`,
      "no sub": forge({ alg: "HS256" }, { ...claims, sub: undefined }, secret),
      "no exp": forge({ alg: "HS256" }, { ...claims, exp: undefined }, secret),
      "not yet": forge({ alg: "HS256" }, { ...claims, nbf: claims.exp }, secret),
      "too long": good + "A".repeat(17_000),
    };
    for (const [name, token] of Object.entries(forged)) {
      const answer = await client.ask({ op: "auth", id: name, token });
      isError(answer, "unauthorized", name);
      assert.ok(!answer.message.includes(token), "the message repeats the token");
    }
    assert.equal((await client.must({ op: "auth", token: good })).user, "eve");
  });

  test("expired: a token whose time is over", async (t) => {
    const late = forge({ alg: "HS256" }, { sub: "ann", exp: Math.floor(Date.now() / 1000) - 1 }, "k".repeat(48));
    const client = await open({ t, welcome: false });
    isError(await client.ask({ op: "auth", id: 1, token: late }), "expired", 1);
    const no = await refusal(server, { token: late });
    assert.equal(no.status, 401);
    assert.equal(no.json.code, "expired");
  });

  test("forbidden: what the grants do not give", async (t) => {
    const client = await open({ t, token: await mint(key, { grants: ["other.>=join,publish,history,presence"] }) });
    const commands = {
      join: { op: "join", room: "chat.1" }, publish: { op: "publish", room: "chat.1", type: "t", data: 1 },
      history: { op: "history", room: "chat.1", limit: 1 }, presence: { op: "presence", room: "chat.1" },
    };
    for (const [right, command] of Object.entries(commands))
      isError(await client.ask({ id: right, ...command }), "forbidden", right, new RegExp(right));
    await client.must({ op: "join", room: "open.1" }); // anyone may
    isError(await client.ask({ op: "publish", id: 1e6, room: "open.1", type: "t", data: 1 }), "forbidden", 1e6);
  });

  test("forbidden: a join that asks for the roster or history without the right", async (t) => {
    const client = await open({ t, token: await mint(key, { grants: ["chat.>=join"] }) });
    isError(await client.ask({ op: "join", id: "p", room: "chat.1", presence: true }), "forbidden", "p", /presence/);
    isError(await client.ask({ op: "join", id: "h", room: "chat.1", history: 1 }), "forbidden", "h", /history/);
    await client.must({ op: "join", room: "chat.1" });
  });

  test("forbidden: a client's publish where only backends publish", async (t) => {
    const client = await open({ t, token: await mint(key) });
    isError(await client.ask({ op: "publish", id: "c", room: "closed.1", type: "t", data: 1 }), "forbidden", "c");
  });

  test("forbidden: another user's token later on", async (t) => {
    const client = await open({ t, token: await mint(key, { sub: "ann" }) });
    isError(await client.ask({ op: "auth", id: "o", token: await mint(key, { sub: "bob" }) }), "forbidden", "o");
    assert.equal((await client.must({ op: "auth", token: await mint(key, { sub: "ann" }) })).user, "ann");
  });

  test("4001: no token in time", async (t) => {
    const client = await open({ t, welcome: false });
    const from = Date.now();
    const { code } = await client.ended(5000);
    assert.equal(code, 4001);
    assert.ok(Date.now() - from > 400, "too soon");
    assert.equal(client.welcome, undefined);
    const [goodbye] = client.of("goodbye");
    assert.equal(goodbye.code, 4001);
    assert.equal(goodbye.reconnect, false);
  });

  test("4105: the token ends, and expiring is said before", async (t) => {
    const client = await open({ t, token: await mint(key, { ttl: "2s" }) });
    const { in_ms: left } = await client.waitFor((m) => m.op === "expiring", 3000);
    assert.ok(left > 0 && left <= 2000, left);
    const { code } = await client.ended(5000);
    assert.equal(code, 4105);
    assert.equal(client.of("goodbye")[0].reconnect, true);
    assert.equal(client.of("expiring").length, 1);
  });

  test("a token that is refreshed in place ends nothing", async (t) => {
    const client = await open({ t, token: await mint(key, { ttl: "2s" }) });
    await client.must({ op: "join", room: "chat.refresh" });
    await client.waitFor((m) => m.op === "expiring", 3000);
    await client.must({ op: "auth", token: await mint(key, { ttl: "1h" }) });
    await new Promise((resolve) => setTimeout(resolve, 2500));
    isError(await client.ask({ op: "join", id: "again", room: "chat.refresh" }), "already_joined", "again");
  });

  test("tokens are not logged", async () => {
    const token = await mint(other);
    await refusal(server, { token });
    await refusal(server, { path: `/v1/ws?token=${token}` });
    assert.ok(!server.stderr.includes(token.slice(-20)), server.stderr);
  });
});
