// Every error code that this version gives, and every way in and out, over real sockets.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { connect, refusal } from "./support/client.mjs";
import { frame, opcode, open, upgrade } from "./support/raw.mjs";
import { eventually, keyFile, mint, request, start, temporaryDirectory } from "./support/server.mjs";

const base64url = (value) => Buffer.from(value).toString("base64url");

/** A JWT made by hand: any header, any claims, signed with `secret` or with nothing. */
function forge(header, claims, secret) {
  const signed = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}`;
  return `${signed}.${secret ? createHmac("sha256", secret).update(signed).digest("base64url") : ""}`;
}

/** Is there room for one more client? */
async function letsIn(server, t) {
  try {
    (await connect(server, { t })).cut();
    return true;
  } catch {
    return false;
  }
}

function isError(answer, code, id, message) {
  assert.equal(answer.op, "error", JSON.stringify(answer));
  assert.equal(answer.code, code, JSON.stringify(answer));
  if (id === undefined) assert.ok(!("id" in answer), JSON.stringify(answer));
  else assert.equal(answer.id, id);
  assert.equal(typeof answer.message, "string");
  assert.ok(answer.message.length > 0);
  if (message) assert.match(answer.message, message);
}

describe("what is not understood", () => {
  let server, client;
  before(async () => {
    server = await start(null, { config: '[limits]\npayload_bytes = 1000\nrooms = 3\n', dev: true });
    client = await connect(server);
  });
  after(() => server?.kill());
  /** A command that is understood ends a row of those that are not; a pong does not. */
  const understood = () => client.must({ op: "publish", room: "chat.between", type: "t", data: 1 });

  const frames = {
    "no JSON": "hello",
    "half an object": '{"op":"join"',
    "two texts": '{"op":"pong"}{"op":"pong"}',
    "a string": '"join"',
    "a number": "7",
    "null": "null",
    "nothing": "",
    "white space": " \n ",
    "an empty batch": "[]",
    "half a surrogate pair": '{"op":"join","id":1,"room":"chat.1","info":"\\ud800"}',
    "a byte order mark": '\ufeff{"op":"pong"}',
    "a control character in a string": '{"op":"join","id":1,"room":"chat.1","info":"\u0001"}',
    "65 levels": `{"op":"publish","id":1,"room":"chat.1","type":"t","data":${"[".repeat(65)}${"]".repeat(65)}}`,
  };
  for (const [name, text] of Object.entries(frames))
    test(`bad_frame: ${name}`, async () => {
      const next = client.next((m) => m.op === "error");
      client.send(text);
      isError(await next, "bad_frame");
      await understood();
    });

  test("bad_frame: a binary message", async () => {
    const next = client.next((m) => m.op === "error");
    client.send(Buffer.from('{"op":"pong"}'), { binary: true });
    isError(await next, "bad_frame");
  });

  test("64 levels are understood", async () => {
    await client.must({ op: "publish", room: "chat.deep", type: "t", data: JSON.parse("[".repeat(64) + "]".repeat(64)) });
  });

  test("nothing of a bad message is done", async () => {
    client.send('[{"op":"join","id":"half","room":"chat.half"},{"op":');
    isError(await client.next((m) => m.op === "error"), "bad_frame");
    isError(await client.ask({ op: "leave", id: "not-in", room: "chat.half" }), "not_joined", "not-in");
  });

  test("the elements of a batch are answered one by one, in order", async () => {
    const from = client.messages.length;
    const last = client.next((m) => m.id === "b3");
    client.send('[{"op":"leave","id":"b1","room":"chat.b"},7,{"op":"jump","id":"b2"},{"op":"leave","id":"b3","room":"chat.b"}]');
    await last;
    const codes = client.messages.slice(from).map((m) => [m.id, m.code]);
    assert.deepEqual(codes, [["b1", "not_joined"], [undefined, "bad_command"], ["b2", "bad_command"], ["b3", "not_joined"]]);
  });

  test("too_large: a batch of 257", async () => {
    const next = client.next((m) => m.op === "error");
    client.send(`[${Array(257).fill('{"op":"pong"}').join()}]`);
    isError(await next, "too_large");
    await understood();
  });

  const good = {
    auth: { token: "x" },
    join: { room: "chat.1" },
    leave: { room: "chat.1" },
    publish: { room: "chat.1", type: "t", data: 1 },
    history: { room: "chat.1", limit: 1 },
    presence: { room: "chat.1" },
    update: { room: "chat.1", info: 1 },
    call: { method: "orders.create", data: 1 },
  };
  const long = "x".repeat(129);
  const wrong = {
    auth: { token: [undefined, 1, null] },
    join: {
      room: [undefined, 1, null], since: [1, null, "x", []], history: [-1, 1.5, "1", null, 4294967296],
      presence: [1, "true", null],
    },
    leave: { room: [undefined, 1] },
    publish: {
      room: [undefined, 1], type: [undefined, 1, "", long, "a\nb", "ä", null], data: [undefined],
      key: ["", long, 1, null], event_id: ["", long, 1, null], echo: [1, "false", null],
    },
    history: { room: [undefined, 1], limit: [undefined, 0, -1, 1.5, "1", null], before: [-1, "1", null], after: [-1, "1"] },
    presence: { room: [undefined, 1], limit: [0, -1, "1", null], after: [1, null] },
    update: { room: [undefined, 1], info: [undefined] },
    call: { method: [undefined, 1, "x", "x.".repeat(65) + "x"], data: [undefined] },
  };
  for (const [op, fields] of Object.entries(wrong))
    test(`bad_command: the fields of ${op}`, async () => {
      for (const [field, values] of Object.entries(fields))
        for (const value of values) {
          const id = `${op}-${field}`;
          const answer = await client.ask({ op, id, ...good[op], [field]: value });
          const inner = field === "since" ? "since(\\.\\w+)?" : field;
          isError(answer, "bad_command", id, new RegExp(`\`${inner}\``));
          await understood();
        }
    });

  test("bad_command: the parts of since", async () => {
    const cases = [
      [{ offset: 1 }, "epoch"], [{ epoch: 1, offset: 1 }, "epoch"], [{ epoch: "x".repeat(129), offset: 1 }, "epoch"],
      [{ epoch: "e" }, "offset"], [{ epoch: "e", offset: -1 }, "offset"], [{ epoch: "e", offset: "1" }, "offset"],
    ];
    for (const [since, field] of cases)
      isError(await client.ask({ op: "join", id: "s", room: "chat.1", since }), "bad_command", "s",
        new RegExp(`\`since\\.${field}\``));
  });

  test("bad_command: before and after together", async () => {
    isError(await client.ask({ op: "history", id: 1e6, room: "chat.1", limit: 1, before: 1, after: 1 }),
      "bad_command", 1e6, /`before`.*`after`/);
  });

  test("bad_command: an unknown op, and none", async () => {
    isError(await client.ask({ op: "jump", id: "j" }), "bad_command", "j", /`jump`/);
    for (const op of [undefined, 1, null]) isError(await client.ask({ op, id: "j" }), "bad_command", "j", /`op`/);
  });

  test("bad_command: an id that is none is not echoed", async () => {
    for (const id of ["null", "1.5", "true", "{}", `"${"x".repeat(65)}"`, "1".repeat(65)]) {
      const next = client.next((m) => m.op === "error");
      client.send(`{"op":"leave","id":${id},"room":"chat.1"}`);
      isError(await next, "bad_command", undefined, /`id`/);
    }
    const next = client.next((m) => m.op === "error");
    client.send('{"op":"leave","room":"chat.1"}');
    isError(await next, "bad_command", undefined, /`id`/);
    await understood();
  });

  test("an id is echoed as it was written", async () => {
    for (const id of ["0", "-7", "12345678901234567890123", '"a\\u0062c"', '""']) {
      const raw = await upgrade(server.port);
      try {
        await raw.message((m) => m.op === "welcome");
        await raw.send(`{"op":"leave","id":${id},"room":"chat.1"}`);
        const { text } = await raw.frame();
        assert.ok(text.includes(`"id":${id},`), text);
      } finally {
        raw.destroy();
      }
    }
  });

  test("bad_command: a field that is there twice", async () => {
    const next = client.next((m) => m.id === "tw");
    client.send('{"op":"leave","id":"tw","room":"chat.1","room":"chat.2"}');
    isError(await next, "bad_command", "tw", /`room`/);
  });

  test("bad_room", async () => {
    const names = ["", "chat", ".chat", "chat.", "chat..1", "chat.*", "chat.>", "chat.a b", "chat.ü", "a:b.c",
      "x".repeat(65) + ".1", "chat." + "x".repeat(251)];
    for (const op of ["join", "leave", "publish", "history", "presence", "update"])
      for (const room of names) {
        isError(await client.ask({ op, id: "r", ...good[op], room }), "bad_room", "r");
        await understood();
      }
  });

  test("too_large: data and info", async () => {
    const data = "x".repeat(999); // and two quotes
    isError(await client.ask({ op: "publish", id: 1e6, room: "chat.1", type: "t", data }), "too_large", 1e6, /`data`/);
    isError(await client.ask({ op: "call", id: 1e6, method: "a.b", data }), "too_large", 1e6, /`data`/);
    const info = "x".repeat(1023);
    isError(await client.ask({ op: "join", id: 1e6, room: "chat.1", info }), "too_large", 1e6, /`info`/);
    isError(await client.ask({ op: "update", id: 1e6, room: "chat.1", info }), "too_large", 1e6, /`info`/);
    await client.must({ op: "publish", room: "chat.1", type: "t", data: data.slice(1) });
  });

  test("not_joined, already_joined", async () => {
    isError(await client.ask({ op: "leave", id: "n", room: "chat.n" }), "not_joined", "n", /chat\.n/);
    isError(await client.ask({ op: "update", id: "n", room: "chat.n", info: 1 }), "not_joined", "n", /chat\.n/);
    await client.must({ op: "join", room: "chat.n" });
    isError(await client.ask({ op: "join", id: "n", room: "chat.n" }), "already_joined", "n", /chat\.n/);
    await client.must({ op: "leave", room: "chat.n" });
    isError(await client.ask({ op: "leave", id: "n", room: "chat.n" }), "not_joined", "n");
  });

  test("already_joined: twice in one message", async () => {
    const second = client.next((m) => m.id === "j2");
    const first = client.next((m) => m.id === "j1");
    client.send('[{"op":"join","id":"j1","room":"chat.j"},{"op":"join","id":"j2","room":"chat.j"}]');
    assert.equal((await first).op, "ok");
    isError(await second, "already_joined", "j2");
    await client.must({ op: "leave", room: "chat.j" });
  });

  test("too_many_rooms", async (t) => {
    const one = await connect(server, { t });
    assert.equal(one.welcome.limits.rooms, 3);
    for (const room of ["chat.a", "chat.b", "chat.c"]) await one.must({ op: "join", room });
    isError(await one.ask({ op: "join", id: "d", room: "chat.d" }), "too_many_rooms", "d", /3/);
    await one.must({ op: "leave", room: "chat.a" });
    await one.must({ op: "join", room: "chat.d" });
    // Joins that are not answered yet count as well.
    const other = await connect(server, { t });
    const all = ["e", "f", "g", "h"].map((id) => ({ op: "join", id, room: `chat.${id}` }));
    other.send(JSON.stringify(all));
    isError(await other.waitFor((m) => m.id === "h"), "too_many_rooms", "h");
    assert.deepEqual(other.of("ok").map((m) => m.id).sort(), ["e", "f", "g"]);
  });

  test("not_supported: call, and the history of a live room", async () => {
    isError(await client.ask({ op: "call", id: "x", method: "a.b", data: 1 }), "not_supported", "x");
    isError(await client.ask({ op: "history", id: "x", room: "live.1", limit: 1 }), "not_supported", "x", /live\.1/);
  });

  test("unauthorized: a token where there is no key to verify it with", async () => {
    isError(await client.ask({ op: "auth", id: "a", token: "x.y.z" }), "unauthorized", "a");
    const no = await refusal(server, { token: "x.y.z" });
    assert.equal(no.status, 401);
    assert.equal(no.json.code, "unauthorized");
  });

  test("4008: 32 messages in a row that are not understood", async (t) => {
    const one = await connect(server, { t });
    for (let i = 0; i < 31; i++) one.send("?");
    await eventually(() => one.of("error").length === 31);
    assert.ok(one.isOpen);
    one.send("?");
    assert.equal((await one.ended()).code, 4008);
    const goodbye = one.of("goodbye").at(-1);
    assert.equal(goodbye.code, 4008);
    assert.equal(goodbye.reconnect, false);
    assert.equal(one.of("error").length, 32);
  });

  test("each refusal is counted by its code", async () => {
    const metrics = await server.metrics();
    for (const code of ["bad_frame", "bad_command", "bad_room", "too_large", "not_joined", "already_joined",
      "too_many_rooms", "not_supported", "unauthorized"])
      assert.ok(metrics.get(`hubbub_refused_total{code="${code}"}`) > 0, code);
    assert.equal(metrics.get('hubbub_goodbyes_total{code="4008"}'), 1);
  });

  test("unauthorized: a ticket in the handshake that is none, alone or beside a token that is none", async () => {
    for (const [protocols, why] of [[["hubbub.v1.json", "ticket.T"], /ticket/], [["ticket.T", "bearer.x"], /token/]]) {
      const no = await refusal(server, { protocols });
      assert.equal(no.status, 401);
      assert.equal(no.json.code, "unauthorized");
      assert.match(no.json.message, why);
    }
  });

  test("not_supported: event streams, long poll and publishing by HTTP", async () => {
    for (const [method, path] of [["GET", "/v1/sse?room=chat.1"], ["GET", "/v1/poll"], ["POST", "/v1/poll"], ["POST", "/v1/publish"]]) {
      const answer = await request(server.url + path, { method, body: method === "POST" ? "{}" : undefined });
      assert.equal(answer.status, 501, path);
      assert.equal(answer.json().code, "not_supported");
      assert.equal(answer.json().message, `${path.split("?")[0]} is not offered by this version`);
    }
    assert.equal((await request(`${server.url}/v1/nothing`)).status, 404);
  });

  test("an unknown path of a WebSocket is 404", async () => {
    const no = await refusal(server, { path: "/v2/ws" });
    assert.equal(no.status, 404);
  });

  test("dev: Host and Origin must name this machine", async () => {
    for (const headers of [{ origin: "https://evil.example" }, { origin: "null" }, { host: "evil.example" }]) {
      const no = await refusal(server, { headers });
      assert.equal(no.status, 403, JSON.stringify(headers));
      assert.equal(no.json.code, "forbidden");
      const admin = await request(`${server.admin}/v1/rooms`, { headers });
      assert.equal(admin.status, 403, JSON.stringify(headers));
    }
    for (const headers of [{ origin: "http://localhost:3000" }, { host: `localhost:${server.port}` }])
      (await connect(server, { headers })).cut();
  });
});

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

describe("limits", () => {
  test("rate_limited, then 4009", async (t) => {
    const server = await start(t, { config: "[limits]\ncommands_per_second = 5\n", dev: true });
    const client = await connect(server, { t });
    assert.equal(client.welcome.limits.commands_per_second, 5);
    const answers = await Promise.all(Array.from({ length: 8 }, () => client.ask({ op: "leave", room: "chat.1" })));
    assert.deepEqual(answers.slice(0, 5).map((m) => m.code), Array(5).fill("not_joined"));
    for (const answer of answers.slice(5)) {
      isError(answer, "rate_limited", answer.id);
      assert.ok(Number.isInteger(answer.retry_after_ms) && answer.retry_after_ms > 0 && answer.retry_after_ms <= 1000,
        JSON.stringify(answer));
    }
    await new Promise((resolve) => setTimeout(resolve, 400));
    assert.equal((await client.ask({ op: "leave", room: "chat.1" })).code, "not_joined", "the limit passes");
    for (let i = 0; i < 200; i++) client.send('{"op":"leave","id":0,"room":"chat.1"}');
    assert.equal((await client.ended()).code, 4009);
    assert.equal(client.of("goodbye")[0].reconnect, false);
  });

  test("a publish that is rate_limited can be told from one that was stored", async (t) => {
    const server = await start(t, { config: "[limits]\ncommands_per_second = 2\n", dev: true });
    const client = await connect(server, { t });
    const answers = await Promise.all([1, 2, 3, 4].map((n) =>
      client.ask({ op: "publish", room: "chat.1", type: "t", data: n, event_id: `e${n}` })));
    const stored = answers.filter((a) => a.op === "ok").length;
    assert.equal(stored, 2);
    const { json } = await server.ask("/v1/rooms/chat.1/history?limit=10");
    assert.equal(json().events.length, stored);
  });

  test("overloaded: a room's mailbox is full", async (t) => {
    const server = await start(t, {
      config: "[limits]\ncommands_in_flight = 65536\n[server]\nloops = 1\n", dev: true, dataDir: true,
    });
    const clients = await Promise.all(Array.from({ length: 12 }, () => connect(server, { t })));
    const each = 8;
    let refused = [];
    for (let round = 0; round < 10 && refused.length === 0; round++) {
      for (const [c, client] of clients.entries()) {
        const batches = [];
        for (let b = 0; b < each; b++)
          batches.push(JSON.stringify(Array.from({ length: 256 }, (_, i) => ({
            op: "publish", id: `${round}-${b}-${i}`, room: "chat.busy", type: "t", data: 1, event_id: `${round}-${c}-${b}-${i}`,
          }))));
        for (const batch of batches) client.send(batch);
      }
      await eventually(() => clients.every((c) => c.of("ok").length + c.of("error").length === (round + 1) * each * 256),
        "an answer to each", 60_000);
      refused = clients.flatMap((c) => c.of("error"));
    }
    assert.ok(refused.length > 0, "nothing was refused");
    for (const answer of refused) {
      isError(answer, "overloaded", answer.id);
      assert.ok(answer.retry_after_ms > 0, JSON.stringify(answer));
      assert.equal(answer.outcome, "not_stored");
      assert.match(answer.event_id, /^\d+-\d+-\d+-\d+$/);
    }
    // The id that is told is the one to try again with.
    const again = await clients[0].must({
      op: "publish", room: "chat.busy", type: "t", data: 1, event_id: refused[0].event_id,
    });
    assert.equal(again.event_id, refused[0].event_id);
    const room = (await server.ask("/v1/rooms?prefix=chat.")).json().rooms[0];
    assert.equal(room.room, "chat.busy");
    await server.mustBeWell();
  });

  test("unavailable: the log's disk is full", async (t) => {
    const server = await start(t, { dev: true, dataDir: true, ulimit: "-f 400" }); // 512-byte blocks, or 1 KB ones
    const client = await connect(server, { t });
    await client.must({ op: "join", room: "chat.full" });
    let answer;
    let stored = 0;
    for (let i = 0; i < 200; i++) {
      answer = await client.ask({ op: "publish", room: "chat.full", type: "t", data: "x".repeat(8000), event_id: `f${i}` });
      if (answer.op === "error") break;
      stored++;
    }
    isError(answer, "unavailable", answer.id);
    assert.ok(stored > 0);
    assert.ok(["not_stored", "unknown"].includes(answer.outcome), JSON.stringify(answer));
    assert.equal(answer.event_id, `f${stored}`);
    const ready = await server.ask("/readyz");
    assert.equal(ready.status, 503);
    assert.ok(server.running, "a full disk ended the server");
    // The backend is refused as well.
    const body = JSON.stringify({ room: "chat.full", type: "t", data: "x".repeat(8000) });
    const none = await server.ask("/v1/publish", { method: "POST", body });
    assert.equal(none.status, 503, none.text);
    assert.ok(Number(none.headers["retry-after"]) >= 1);
    assert.equal(none.json().code, "unavailable");
    assert.ok(["not_stored", "unknown"].includes(none.json().outcome), none.text);
    // What was confirmed can still be read, and nothing else was delivered.
    const confirmed = Array.from({ length: stored }, (_, i) => `f${i}`);
    assert.deepEqual(client.events.map((event) => event.event_id), confirmed);
    const { events } = (await server.ask("/v1/rooms/chat.full/history?limit=1000")).json();
    assert.deepEqual(events.map((event) => event.event_id), confirmed);
  });

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
      assert.equal(await refused("handshakes"), 1);
    }
    await eventually(() => letsIn(server, t), "one of them has gone");
    assert.ok(await refused("crowded_out") >= 1);
    await within.must({ op: "join", room: "chat.1" });
  });

  test("half handshakes of one address are its own connections, and leave others theirs", async (t) => {
    const server = await start(t, { config: "[limits]\nconnections_per_ip = 3\n", dev: true });
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

  test("1009: a message beyond the wire limit", async (t) => {
    const server = await start(t, { config: "[limits]\npayload_bytes = 1000\n", dev: true });
    const client = await connect(server, { t });
    client.send(JSON.stringify({ op: "publish", id: 1, room: "chat.1", type: "t", data: "x".repeat(200_000) }));
    assert.equal((await client.ended()).code, 1009);
  });

  test("1009 reaches a client that is still sending megabytes", async (t) => {
    const server = await start(t);
    const text = "x".repeat(8 << 20);
    for (let i = 0; i < 25; i++) {
      const client = await connect(server, { t });
      client.send(text);
      assert.equal((await client.ended()).code, 1009, `at try ${i}`);
      assert.equal(client.of("goodbye").length, 1);
    }
  });

  test("1002 and 1007: WebSocket's own rules", async (t) => {
    const server = await start(t);
    const broken = {
      "a reserved opcode": [1002, frame("x", { op: 3 })],
      "a reserved bit": [1002, frame("x", { rsv: 1 })],
      "a compressed frame that was not negotiated": [1002, frame("x", { rsv: 4 })],
      "no mask": [1002, frame("{}", { masked: false })],
      "a continuation of nothing": [1002, frame("x", { op: opcode.continuation })],
      "a ping in pieces": [1002, frame("x", { op: opcode.ping, fin: false })],
      "a ping of 126 bytes": [1002, frame("x".repeat(126), { op: opcode.ping })],
      "a text that is not UTF-8": [1007, frame(Buffer.from([0xff, 0xfe]))],
      "half a character at the end": [1007, frame(Buffer.from([0x22, 0xc3]))],
    };
    for (const [name, [code, bytes]] of Object.entries(broken)) {
      const raw = await upgrade(server.port, { t });
      await raw.write(bytes);
      assert.equal(await raw.closeCode(), code, name);
      await raw.closed();
    }
    const codes = Object.values(broken).map(([code]) => code);
    assert.equal(await server.metric("hubbub_websocket_errors_total"), codes.length);
    for (const one of new Set(codes))
      assert.equal(await server.metric(`hubbub_goodbyes_total{code="${one}"}`), codes.filter((code) => code === one).length);
  });
});

describe("life", () => {
  test("4104: no answer to pings, and none to who answers", async (t) => {
    const server = await start(t, { config: '[limits]\nping = "300ms"\npong_within = "500ms"\n', dev: true });
    const silent = await connect(server, { t, answersPings: false });
    const answering = await connect(server, { t });
    const { code } = await silent.ended(5000);
    assert.equal(code, 4104);
    assert.ok(silent.of("ping").length >= 1);
    const [goodbye] = silent.of("goodbye");
    assert.equal(goodbye.reconnect, true);
    assert.ok(goodbye.retry_after_ms > 0);
    await eventually(() => answering.of("ping").length >= 3, "three pings");
    assert.ok(answering.isOpen);
  });

  test("4106: who is sent away to make room may come back", async (t) => {
    const server = await start(t);
    const [one, other] = [await connect(server, { t }), await connect(server, { t })];
    const disconnect = { method: "POST", body: JSON.stringify({ session: one.welcome.session, reconnect: true }) };
    const done = await server.ask("/v1/disconnect", disconnect);
    assert.deepEqual(done.json(), { disconnected: 1 });
    assert.equal((await one.ended()).code, 4106);
    const [goodbye] = one.of("goodbye");
    assert.equal(goodbye.code, 4106);
    assert.equal(goodbye.reconnect, true);
    assert.ok(goodbye.retry_after_ms > 0);
    assert.ok(other.isOpen);
    assert.equal(await server.metric('hubbub_goodbyes_total{code="4106"}'), 1);
    (await connect(server, { t })).cut();
  });

  test("4103: who takes nothing is closed, and others are served meanwhile", async (t) => {
    const server = await start(t, {
      config: '[limits]\nstall = "1s"\nsend_buffer_bytes = 8192\n', dev: true,
    });
    const slow = await upgrade(server.port, { t });
    const healthy = await connect(server, { t });
    await slow.say({ op: "join", id: 1, room: "chat.slow" });
    await slow.message((m) => m.op === "ok");
    await healthy.must({ op: "join", room: "chat.slow" });
    slow.pause();
    const data = "x".repeat(60_000);
    const closed = () => server.metric('hubbub_goodbyes_total{code="4103"}');
    let sent = 0;
    for (const end = Date.now() + 15_000; Date.now() < end && (await closed()) === 0;) {
      await healthy.must({ op: "publish", room: "chat.slow", type: "t", data });
      sent++;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(await closed(), 1, `after ${sent} events: ${[...(await server.metrics()).keys()]}`);
    await eventually(() => healthy.events.length === sent, "all events at the healthy one");
    assert.ok(healthy.isOpen);
  });
});
