// What a client gets for what is not understood: `bad_frame`, `bad_command` and their like, and the codes by which WebSocket ends.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connect, refusal } from "./support/client.mjs";
import { isError } from "./support/errors.mjs";
import { frame, opcode, upgrade } from "./support/raw.mjs";
import { eventually, request, start } from "./support/server.mjs";

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

describe("what ends the connection", () => {
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
