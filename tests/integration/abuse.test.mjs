// Clients that are broken or mean it badly. Each is bounded in time and memory, and its end has a name:
// a close code, a status or a counter. Well-behaved clients are served all the while.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { constants, createDeflateRaw, deflateRawSync } from "node:zlib";
import { connect } from "./support/client.mjs";
import { frame, handshake, opcode, open, upgrade } from "./support/raw.mjs";
import { eventually, request, sleep, start } from "./support/server.mjs";
import { mb, watch } from "./support/watch.mjs";

/** Deflates `chunks` as one message of permessage-deflate. */
function deflated(chunk, times) {
  return new Promise((resolve, reject) => {
    const out = [];
    const z = createDeflateRaw({ level: 9 });
    z.on("data", (d) => out.push(d));
    z.on("error", reject);
    let left = times;
    const next = () => {
      if (left-- > 0) z.write(chunk, next);
      else z.flush(constants.Z_SYNC_FLUSH, () => resolve(Buffer.concat(out).subarray(0, -4)));
    };
    next();
  });
}

const deflate = { headers: { "Sec-WebSocket-Extensions": "permessage-deflate" } };

describe("one at a time", () => {
  let server;
  before(async () => {
    server = await start(null, {
      config: '[limits]\nauthenticate_within = "2s"\nping = "1s"\npong_within = "1s"\nstall = "2s"\nsend_buffer_bytes = 8192\n',
      dev: true,
    });
  });
  after(() => server?.kill());

  test("1009: a frame that says it has 1 GB, before its bytes come", async (t) => {
    const w = await watch(server, t);
    for (const length of [1 << 30, 2 ** 40]) {
      const raw = await upgrade(server.port, { t });
      await raw.send("x", { length });
      assert.equal(await raw.closeCode(), 1009);
      await raw.closed();
    }
    await w.done(20 * mb);
  });

  test("what looks like a close frame in the middle of a large one does not reset the connection", async (t) => {
    const raw = await upgrade(server.port, { t, allowHalfOpen: true });
    await raw.send("x", { length: 1 << 30 });
    assert.equal(await raw.closeCode(), 1009);
    await raw.closed();
    const middle = Buffer.concat([Buffer.alloc(1000, "y"), Buffer.from([0x88, 0x82, 1, 2, 3, 4, 5, 6])]);
    for (let i = 0; i < 5; i++) {
      assert.ok(await raw.write(middle), "it was reset");
      await sleep(50);
    }
    assert.equal(raw.error, undefined);
    // The answer to its close frame does end it.
    await raw.send(Buffer.from([1009 >> 8, 1009 & 255]), { op: opcode.close });
    await sleep(50); // or it would be read together with what follows
    await eventually(async () => !(await raw.write("y")), "the end", 2000);
  });

  test("1002: a length beyond 63 bits, or longer than it need be", async (t) => {
    for (const bytes of [
      Buffer.from([0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
      frame("x", { form: 16 }),
      frame("x", { form: 64 }),
    ]) {
      const raw = await upgrade(server.port, { t });
      await raw.write(bytes);
      assert.ok([1002, 1009].includes(await raw.closeCode()));
      await raw.closed();
    }
  });

  test("1009: a message in a million pieces", async (t) => {
    const w = await watch(server, t);
    const raw = await upgrade(server.port, { t });
    await raw.send("x", { fin: false });
    const piece = Buffer.concat(Array.from({ length: 100 }, () =>
      frame("x".repeat(100), { op: opcode.continuation, fin: false })));
    for (let i = 0; i < 100 && !raw.over; i++) await raw.write(piece);
    assert.equal(await raw.closeCode(), 1009);
    // Empty pieces have no bytes to count, and end nothing but their own connection.
    const empty = await upgrade(server.port, { t });
    await empty.send("x", { fin: false });
    const nothing = Buffer.concat(Array.from({ length: 1000 }, () => frame("", { op: opcode.continuation, fin: false })));
    for (let i = 0; i < 100 && !empty.over; i++) await empty.write(nothing);
    await w.done(20 * mb);
  });

  test("1009: 100 MB of zeros, compressed", async (t) => {
    const w = await watch(server, t);
    const bomb = await deflated(Buffer.alloc(mb), 100);
    assert.ok(bomb.length < 110_000, `${bomb.length}`); // it passes the limit of the wire
    for (let i = 0; i < 5; i++) {
      const raw = await upgrade(server.port, { t, ...deflate });
      assert.match(raw.opened.headers["sec-websocket-extensions"], /permessage-deflate/);
      const from = Date.now();
      await raw.send(bomb, { rsv: 4 });
      assert.equal(await raw.closeCode(), 1009);
      assert.ok(Date.now() - from < 3000, "it took too long");
      await raw.closed();
    }
    await w.done(20 * mb);
  });

  test("a small message may be compressed; a damaged one is 1007", async (t) => {
    const raw = await upgrade(server.port, { t, ...deflate });
    await raw.message((m) => m.op === "welcome");
    const text = deflateRawSync('{"op":"leave","id":1,"room":"chat.1"}', { finishFlush: constants.Z_SYNC_FLUSH });
    await raw.send(text.subarray(0, -4), { rsv: 4 });
    assert.equal((await raw.message((m) => m.op === "error")).code, "not_joined");
    await raw.send(Buffer.from([0xff, 0xff, 0xff, 0xff]), { rsv: 4 });
    assert.equal(await raw.closeCode(), 1007);
    const nonsense = await upgrade(server.port, { t, ...deflate });
    const bytes = deflateRawSync(Buffer.from([0x22, 0xff, 0xfe, 0x22]), { finishFlush: constants.Z_SYNC_FLUSH });
    await nonsense.send(bytes.subarray(0, -4), { rsv: 4 });
    assert.equal(await nonsense.closeCode(), 1007);
  });

  test("half a frame, and silence: 4104", async (t) => {
    const raw = await upgrade(server.port, { t });
    await raw.message((m) => m.op === "welcome");
    await raw.write(frame('{"op":"leave","id":1,"room":"chat.1"}').subarray(0, 20));
    assert.equal(await raw.closeCode(6000), 4104);
  });

  test("a message that comes for ever, a byte at a time: 4104", async (t) => {
    const [raw, slow] = [await upgrade(server.port, { t }), await upgrade(server.port, { t })];
    for (const one of [raw, slow]) await one.message((m) => m.op === "welcome");
    const endless = frame(JSON.stringify({ op: "leave", id: 1, room: "x".repeat(1000) }));
    // Whoever says a whole thing as slowly stays: 1.5 s for each.
    const whole = frame('{"op":"pong"}');
    const code = raw.closeCode(20_000);
    for (let i = 0; !raw.over && i < endless.length; ++i) {
      await raw.write(endless.subarray(i, i + 1));
      await slow.write(whole.subarray(i % whole.length, (i % whole.length) + 1));
      await sleep(80);
    }
    assert.equal(await code, 4104);
    assert.equal(slow.over, false);
  });

  test("a frame byte by byte is understood", async (t) => {
    const raw = await upgrade(server.port, { t });
    await raw.message((m) => m.op === "welcome");
    for (const byte of frame('{"op":"leave","id":1,"room":"chat.1"}')) await raw.write(Buffer.from([byte]));
    assert.equal((await raw.message((m) => m.op === "error")).code, "not_joined");
  });

  test("who goes in the middle of anything leaves nothing behind", async (t) => {
    const connections = () => server.metric("hubbub_connections");
    const before = await connections();
    for (let i = 0; i < 50; i++) {
      const raw = await upgrade(server.port, { t });
      await raw.say({ op: "join", id: 1, room: `chat.gone${i % 5}`, presence: true });
      await raw.write(frame("{".repeat(300)).subarray(0, i * 5));
      if (i % 2) raw.socket.resetAndDestroy();
      else raw.destroy();
    }
    await eventually(async () => (await connections()) <= before, "all are gone");
    assert.equal(await server.metric("hubbub_joins"), 0);
  });

  test("4103: pings and never reads", async (t) => {
    const w = await watch(server, t);
    const raw = await upgrade(server.port, { t });
    raw.pause();
    const pings = Buffer.concat(Array.from({ length: 1000 }, () => frame("x".repeat(125), { op: opcode.ping })));
    const counted = await server.metric('hubbub_goodbyes_total{code="4103"}');
    const writing = (async () => {
      for (let i = 0; i < 400 && !raw.over; i++) await raw.write(pings);
    })();
    let most = 0;
    await eventually(async () => {
      most = Math.max(most, w.grown());
      return (await server.metric('hubbub_goodbyes_total{code="4103"}')) > counted;
    }, "it is ended", 15_000);
    assert.ok(most < 20 * mb, `memory grew by ${most}`);
    raw.destroy();
    await writing;
    await w.done(20 * mb);
  });

  test("4103: sends commands and never reads; it is not read from any more", async (t) => {
    const w = await watch(server, t);
    const raw = await upgrade(server.port, { t });
    raw.pause();
    const commands = Buffer.concat(Array.from({ length: 500 }, (_, i) =>
      frame(JSON.stringify({ op: "presence", id: `${i}-${"x".repeat(50)}`, room: "chat.well", limit: 1000 }))));
    const counted = await server.metric('hubbub_goodbyes_total{code="4103"}');
    // Their answers, 400 MB, are many times what the kernel keeps between two sockets, which may be 40 MB.
    const times = 10_000;
    let written = 0;
    const writing = (async () => {
      for (let i = 0; i < times && !raw.over; i++) if (await raw.write(commands)) written++;
    })();
    let most = 0;
    await eventually(async () => {
      most = Math.max(most, w.grown());
      return (await server.metric('hubbub_goodbyes_total{code="4103"}')) > counted;
    }, "it is ended", 15_000);
    assert.ok(written < times, "all its commands were read");
    assert.ok(most < 20 * mb, `memory grew by ${most}`);
    raw.destroy();
    await writing;
    await w.done(20 * mb);
  });

  test("asks for large histories and never reads: the answers wait in the log, not in memory", async (t) => {
    const w = await watch(server, t);
    for (let i = 0; i < 100; i++) await server.publish({ room: "chat.large", type: "t", data: "x".repeat(10_000) });
    w.before = server.rss();
    const all = [];
    for (let i = 0; i < 10; i++) {
      const raw = await upgrade(server.port, { t });
      raw.pause();
      for (let n = 0; n < 64; n++) await raw.say({ op: "history", id: n, room: "chat.large", limit: 100 });
      all.push(raw);
    }
    let most = 0;
    for (const end = Date.now() + 1500; Date.now() < end; await sleep(50)) most = Math.max(most, w.grown());
    assert.ok(most < 30 * mb, `memory grew by ${(most / mb).toFixed(1)} MB`);
    for (const raw of all) raw.destroy();
    await w.done(30 * mb);
  });

  test("a batch of 256 large answers for one that does not read", async (t) => {
    const w = await watch(server, t);
    const raw = await upgrade(server.port, { t });
    raw.pause();
    const batch = Array.from({ length: 256 }, (_, i) => ({ op: "history", id: i, room: "chat.large", limit: 1000 }));
    for (let i = 0; i < 3; i++) await raw.say(batch);
    await sleep(500);
    await w.done(10 * mb);
  });
});

describe("handshakes", () => {
  let server;
  before(async () => { server = await start(); });
  after(() => server?.kill());
  const refused = (reason) => server.metric(`hubbub_handshakes_refused_total{reason="${reason}"}`);

  test("half a handshake, one byte a second, and nothing at all are ended and counted", async (t) => {
    const w = await watch(server, t);
    const before = await refused("timeout");
    const from = Date.now();
    const half = await open(server.port, { t });
    const { text } = handshake();
    await half.write(text.slice(0, 60));
    const silent = await open(server.port, { t });
    const slow = await open(server.port, { t });
    let at = 0;
    const drip = setInterval(() => slow.write(text[at++]), 1000);
    t.after(() => clearInterval(drip));
    const rounds = setInterval(() => w.round().catch(() => {}), 1000);
    t.after(() => clearInterval(rounds));
    const [a, b] = await Promise.all([half.answer(20_000), slow.answer(20_000), silent.closed(20_000)]);
    for (const answer of [a, b]) assert.equal(answer?.status, 408);
    assert.ok(Date.now() - from > 8000 && Date.now() - from < 16_000, `${Date.now() - from} ms`);
    await eventually(async () => (await refused("timeout")) >= before + 2, "they are counted");
    clearInterval(rounds);
    await w.done(20 * mb);
  });

  const rubbish = {
    "no HTTP": ["\x00\x01\x02\x03\r\n\r\n", 400],
    "a TLS hello": [Buffer.from("16030100a5010000a10303", "hex"), undefined],
    "an endless line": ["GET /" + "a".repeat(20_000), [400, 431]],
    "an endless header": ["GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + "a".repeat(20_000), 431],
    "10,000 headers": ["GET / HTTP/1.1\r\n" + "A: b\r\n".repeat(10_000), 431],
    "no version": ["GET /\r\n\r\n", 400],
    "HTTP/2": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
    "two lengths": ["POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400],
    "a negative length": ["POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n", 400],
    "a body of 10 GB": ["POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10000000000\r\n\r\n", 413],
    "a body of 5 KB where nothing takes one": ["POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000\r\n\r\n", 413],
    "an endless chunk extension": ["POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + "a".repeat(50_000), 431],
    "endless trailers": ["POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + "a".repeat(50_000), 431],
    "a chunk of 2^64": ["POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400],
    "white space before a colon": ["GET / HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n", 400],
    "a bare line feed in a header": ["GET / HTTP/1.1\r\nHost: 127.0.0.1\nX: y\r\n\r\n", 400],
    "a NUL in a header": ["GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\0b\r\n\r\n", 400],
  };
  for (const [name, [bytes, status]] of Object.entries(rubbish))
    test(`HTTP rubbish: ${name}`, async (t) => {
      const raw = await open(server.port, { t });
      await raw.write(bytes);
      if (status === undefined) raw.socket.end();
      const answer = await raw.answer(5000);
      if (status !== undefined) {
        assert.ok([status].flat().includes(answer?.status), JSON.stringify(answer));
        assert.ok(answer.text === "" || "code" in JSON.parse(answer.text), answer.text);
      }
      raw.socket.end();
      await raw.closed(5000);
    });

  const upgrades = {
    "no key": [{ headers: { "Sec-WebSocket-Key": null } }, 400],
    "a short key": [{ headers: { "Sec-WebSocket-Key": "c2hvcnQ=" } }, 400],
    "an old version": [{ headers: { "Sec-WebSocket-Version": "8" } }, 426],
    "no version": [{ headers: { "Sec-WebSocket-Version": null } }, 426],
    "no Upgrade": [{ headers: { Upgrade: null } }, 426],
    "no Connection": [{ headers: { Connection: "keep-alive" } }, 426],
    "no Host": [{ headers: { Host: null } }, [400, 403]],
  };
  for (const [name, [how, status]] of Object.entries(upgrades))
    test(`a handshake with ${name} is refused and counted`, async (t) => {
      const raw = await open(server.port, { t });
      await raw.write(handshake(how).text);
      const answer = await raw.answer();
      assert.ok([status].flat().includes(answer?.status), JSON.stringify(answer));
      assert.ok(JSON.parse(answer.text).message);
      if (status === 426) assert.ok(answer.headers["sec-websocket-version"] === "13" || answer.headers.upgrade);
    });

  test("all that was counted", async () => {
    assert.ok((await refused("bad_request")) >= 10);
    assert.ok((await refused("other")) >= 5);
  });

  test("frames sent along with the handshake are not lost", async (t) => {
    const raw = await open(server.port, { t });
    await raw.write(Buffer.concat([
      Buffer.from(handshake().text), frame('{"op":"leave","id":1,"room":"chat.1"}'), frame('{"op":"leave","id":2,"room":"chat.1"}'),
    ]));
    assert.equal((await raw.answer()).status, 101);
    assert.equal((await raw.message((m) => m.op === "error")).id, 1);
    assert.equal((await raw.message((m) => m.op === "error")).id, 2);
  });

  test("500 sockets that say nothing keep nobody out", async (t) => {
    const w = await watch(server, t);
    const sockets = await Promise.all(Array.from({ length: 500 }, () => open(server.port, { t })));
    for (const raw of sockets) raw.write("GET /v1/ws HTTP/1.1\r\nHost: 127");
    await w.round();
    (await connect(server, { t })).cut();
    assert.ok(w.grown() < 30 * mb, `${w.grown()}`);
    for (const raw of sockets) raw.destroy();
    await w.done(30 * mb);
  });

  test("many requests on one connection, and a request that is answered late to one that has gone", async (t) => {
    const raw = await open(server.port, { t });
    await raw.write("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(200));
    for (let i = 0; i < 200; i++) assert.equal((await raw.answer())?.status, 200);
    for (let i = 0; i < 50; i++) {
      const admin = await open(server.adminPort, { t });
      await admin.write('POST /v1/publish HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 42\r\n\r\n{"room":"chat.1","type":"t","data":"gone"}');
      admin.destroy();
    }
    await server.mustBeWell();
    const odd = await request(`${server.admin}/v1/rooms/${"%ff%00%2e".repeat(20)}/history`);
    assert.ok(odd.status >= 400 && odd.status < 500, `${odd.status}`);
  });
});

describe("the whole node", () => {
  test("it stops in time whoever does not read, and whoever is in the middle of something", async (t) => {
    const server = await start(t, { config: '[limits]\nsend_buffer_bytes = 8192\n', dev: true });
    const healthy = await connect(server, { t });
    const deaf = await upgrade(server.port, { t });
    await deaf.say({ op: "join", id: 1, room: "chat.deaf" });
    await deaf.message((m) => m.op === "ok");
    deaf.pause();
    for (let i = 0; i < 60; i++) await server.publish({ room: "chat.deaf", type: "t", data: "x".repeat(60_000) });
    const half = await open(server.port, { t });
    await half.write("GET /v1/ws HT");
    const frames = await upgrade(server.port, { t });
    await frames.write(frame("{".repeat(300)).subarray(0, 50));
    const from = Date.now();
    assert.deepEqual(await server.stop(20_000), { code: 0, signal: null });
    assert.ok(Date.now() - from < 10_000, `it took ${Date.now() - from} ms`);
    assert.equal((await healthy.ended()).code, 4101);
  });

  test("without a free descriptor nobody is dropped, and it goes on when there is one", async (t) => {
    const server = await start(t, { ulimit: "-n 120" });
    const w = await watch(server, t);
    const sockets = [];
    for (let i = 0; i < 150; i++) sockets.push(await open(server.port, { t }).catch(() => undefined));
    await w.client.must({ op: "publish", room: "chat.well", type: "t", data: "full" });
    await w.client.waitFor((m) => m.op === "event" && m.data === "full");
    const used = server.cpu();
    await sleep(500);
    assert.ok(server.cpu() - used < 0.25, `${server.cpu() - used} s: it spins`);
    for (const raw of sockets) raw?.destroy();
    await eventually(async () => {
      const late = await connect(server, { t, ms: 2000 }).catch(() => undefined);
      late?.cut();
      return late;
    }, "a newcomer is let in again");
    await w.done(20 * mb);
  });

  test("4008: rubbish between pongs, which costs the others nothing", async (t) => {
    const server = await start(t);
    const w = await watch(server, t);
    const raw = await upgrade(server.port, { t });
    const pair = Buffer.concat(Array.from({ length: 500 }, () => Buffer.concat([frame("?"), frame('{"op":"pong"}')])));
    raw.pause();
    const writing = (async () => {
      for (let i = 0; i < 2000 && !raw.over; i++) await raw.write(pair);
    })();
    for (let i = 0; i < 10; i++) {
      await w.round();
      await sleep(50);
    }
    assert.equal(await server.metric('hubbub_goodbyes_total{code="4008"}'), 1);
    raw.destroy();
    await writing;
    await w.done(20 * mb);
  });
});
