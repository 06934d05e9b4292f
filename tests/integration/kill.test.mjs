// What was confirmed survives kill -9; what keeps a node from starting is said in one sentence.

import assert from "node:assert/strict";
import { chmodSync, chownSync, closeSync, openSync, readFileSync, readdirSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { connect } from "./support/client.mjs";
import { run, sleep, start, temporaryDirectory } from "./support/server.mjs";

/** mulberry32: numbers from 0 to 1 that a seed repeats. */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** All events of a room, page by page: `{events, epoch}`. */
async function wholeHistory(server, room, limit) {
  const events = [];
  let epoch;
  for (let after = 0; ;) {
    const answer = await server.ask(`/v1/rooms/${room}/history?limit=${limit}&after=${after}`);
    assert.equal(answer.status, 200, answer.text);
    const page = answer.json();
    epoch ??= page.epoch;
    assert.equal(page.epoch, epoch);
    events.push(...page.events);
    if (!page.more) return { events, epoch };
    assert.ok(page.events.length > 0, "more, but nothing");
    after = page.events.at(-1).offset;
  }
}

const rooms = ["chat.a", "chat.b", "orders.eu.1"];

/** Publishes until the server is gone. `confirmed` and `sent` grow; what was unknown is sent again first. */
async function publishUntilTheEnd(server, who, state) {
  let client;
  try {
    client = await connect(server);
    const send = async (event) => {
      const answer = await client.ask({ op: "publish", ...event });
      if (answer.op === "ok") {
        state.confirmed.set(event.event_id, { ...answer, ...event });
        state.unknown.delete(event.event_id);
      } else {
        state.refused.push(answer);
      }
    };
    for (const event of [...state.unknown.values()].filter((e) => e.data.who === who)) await send(event);
    for (const lane of [0, 1, 2, 3])
      state.lanes.push((async () => {
        while (client.isOpen) {
          const n = state.next++;
          const event = {
            room: rooms[n % rooms.length], type: "t", event_id: `k-${n}`,
            data: { who, lane, n, fill: "x".repeat(n % 200) },
          };
          state.unknown.set(event.event_id, event);
          await send(event);
        }
      })().catch(() => {}));
  } catch {
    // killed meanwhile
  }
  return client;
}

test("every confirmed event survives kill -9, once, at its place", { timeout: 240_000 }, async (t) => {
  const seed = Number(process.env.HUBBUB_SEED ?? Date.now() % 1_000_000);
  t.diagnostic(`HUBBUB_SEED=${seed}`);
  const rand = random(seed);
  const dataDir = path.join(temporaryDirectory(t), "data");
  const config = "[namespace.default]\nhistory_size = 1000000\n";
  const state = { confirmed: new Map(), unknown: new Map(), refused: [], lanes: [], next: 0 };
  const epochs = new Set();
  const moments = [];
  for (let round = 0; round < 20; round++) {
    const server = await start(t, { config, dev: true, dataDir });
    const clients = Promise.all(["p0", "p1", "p2"].map((who) => publishUntilTheEnd(server, who, state)));
    const moment = Math.floor(20 + rand() * 300);
    moments.push(moment);
    await sleep(moment);
    await server.kill();
    for (const client of await clients) await client?.ended();
    await Promise.all(state.lanes.splice(0));
  }
  t.diagnostic(`killed after ${moments.join(", ")} ms; ${state.confirmed.size} confirmed of ${state.next}, ` +
    `${state.unknown.size} unknown`);
  assert.deepEqual(state.refused, []);
  assert.ok(state.confirmed.size > 100, `only ${state.confirmed.size} were confirmed`);

  const server = await start(t, { config, dev: true, dataDir });
  // What was unknown is published again with its name: stored once, whatever happened before.
  const client = await connect(server, { t });
  const settled = [...state.unknown.values()];
  let twice = 0;
  for (const event of settled) {
    const answer = await client.must({ op: "publish", ...event });
    twice += answer.duplicate ? 1 : 0;
    state.confirmed.set(event.event_id, { ...answer, ...event });
  }
  t.diagnostic(`${twice} of ${settled.length} unknown ones were there`);

  let found = 0;
  for (const room of rooms) {
    const { events, epoch } = await wholeHistory(server, room, 97);
    epochs.add(epoch);
    found += events.length;
    const byId = new Map(events.map((e) => [e.event_id, e]));
    assert.equal(byId.size, events.length, `${room}: an event is there twice`);
    for (let i = 1; i < events.length; i++)
      assert.ok(events[i].offset > events[i - 1].offset, `${room}: offsets do not rise`);
    for (const [id, told] of state.confirmed) {
      if (told.room !== room) continue;
      const kept = byId.get(id);
      assert.ok(kept, `${room}: ${id} was confirmed and is gone`);
      assert.equal(kept.offset, told.offset, `${room}: ${id} has moved`);
      assert.equal(told.epoch, epoch, `${room}: ${id} was confirmed in another epoch`);
      assert.deepEqual(kept.data, told.data);
    }
  }
  assert.equal(found, state.confirmed.size, "the log has events that nobody published");
  assert.equal(epochs.size, 1);
});

test("a client comes back with its position after kill -9 and misses nothing", { timeout: 60_000 }, async (t) => {
  const dataDir = path.join(temporaryDirectory(t), "data");
  const first = await start(t, { dataDir });
  const one = await connect(first, { t });
  const { epoch } = await one.must({ op: "join", room: "chat.back" });
  const offsets = [];
  for (let n = 0; n < 10; n++)
    offsets.push((await one.must({ op: "publish", room: "chat.back", type: "t", data: n })).offset);
  await first.kill();
  const second = await start(t, { dataDir });
  const two = await connect(second, { t });
  const joined = await two.must({ op: "join", room: "chat.back", since: { epoch, offset: offsets[3] } });
  assert.equal(joined.recovered, true, JSON.stringify(joined));
  await two.waitFor((m) => m.op === "event" && m.data === 9);
  assert.deepEqual(two.events.map((e) => e.data), [4, 5, 6, 7, 8, 9]);
  assert.ok((await two.must({ op: "publish", room: "chat.back", type: "t", data: 10 })).offset > offsets[9]);
});

test("SIGTERM keeps all as well, tells the clients, and ends with 0", async (t) => {
  const dataDir = path.join(temporaryDirectory(t), "data");
  const first = await start(t, { dataDir });
  const client = await connect(first, { t });
  const answers = await Promise.all(Array.from({ length: 50 }, (_, n) =>
    client.must({ op: "publish", room: "chat.term", type: "t", data: n })));
  const { code, signal } = await first.stop();
  assert.deepEqual({ code, signal }, { code: 0, signal: null });
  assert.equal((await client.ended()).code, 4101);
  const [goodbye] = client.of("goodbye");
  assert.equal(goodbye.reconnect, true);
  const second = await start(t, { dataDir });
  const { events } = await wholeHistory(second, "chat.term", 1000);
  assert.deepEqual(events.map((e) => e.offset), answers.map((a) => a.offset).sort((a, b) => a - b));
});

describe("what keeps a node from starting is one sentence", () => {
  const serve = ["serve", "--dev", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];

  /** One line on stderr that begins with the program's name, has no stack trace and fits `pattern`. */
  async function cannotStart(args, pattern, code = 1, who = {}) {
    const said = await run(args, who);
    assert.equal(said.code, code, JSON.stringify(said));
    assert.equal(said.stdout, "");
    const lines = said.stderr.trim().split("\n");
    assert.equal(lines.length, 1, said.stderr);
    assert.match(lines[0], /^hubbub: /);
    assert.match(lines[0], pattern);
    assert.ok(lines[0].length < 400, lines[0]);
  }

  /** A data directory with events in it. */
  async function used(t) {
    const dataDir = path.join(temporaryDirectory(t), "data");
    const server = await start(t, { dataDir });
    await server.publish({ room: "chat.1", type: "t", data: "x" });
    assert.equal((await server.stop()).code, 0);
    return dataDir;
  }

  test("a data directory that another process uses", async (t) => {
    const server = await start(t, { dataDir: true });
    await cannotStart([...serve, "--data-dir", server.dataDir], new RegExp(`used by another process \\(pid ${server.pid}\\)`));
    await server.mustBeWell();
  });

  test("a data directory that is a file", async (t) => {
    const file = path.join(temporaryDirectory(t), "file");
    writeFileSync(file, "");
    await cannotStart([...serve, "--data-dir", file], /file/);
  });

  test("a data directory that cannot be made", async () => {
    await cannotStart([...serve, "--data-dir", "/proc/hubbub"], /\/proc\/hubbub/);
  });

  test("a data directory that may not be written, or a log", async (t) => {
    const dataDir = await used(t);
    const files = () => readdirSync(dataDir).map((name) => path.join(dataDir, name));
    // Root may write everywhere, so for this it is somebody else.
    const who = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {};
    if (who.uid) for (const one of [path.dirname(dataDir), dataDir, ...files()]) chownSync(one, who.uid, who.gid);
    chmodSync(dataDir, 0o500);
    for (const file of files()) chmodSync(file, 0o400);
    try {
      await cannotStart([...serve, "--data-dir", dataDir], /hubbub\.lock: .*[Pp]ermission/, 1, who);
      chmodSync(dataDir, 0o700);
      chmodSync(path.join(dataDir, "hubbub.lock"), 0o600);
      await cannotStart([...serve, "--data-dir", dataDir], /read-?only|written|[Pp]ermission/, 1, who);
    } finally {
      chmodSync(dataDir, 0o700);
    }
  });

  const broken = {
    "of rubbish": (file) => writeFileSync(file, "this is no database, ".repeat(1000)),
    "with a damaged head": (file) => {
      const fd = openSync(file, "r+");
      writeSync(fd, Buffer.alloc(100, 0xff), 0, 100, 0);
      closeSync(fd);
    },
    "with damaged pages": (file) => {
      const fd = openSync(file, "r+");
      writeSync(fd, Buffer.alloc(4000, 0xa5), 0, 4000, 96);
      closeSync(fd);
    },
    "that was cut": (file) => truncateSync(file, 3000),
  };
  for (const [name, damage] of Object.entries(broken))
    test(`a log ${name}`, async (t) => {
      const dataDir = await used(t);
      const files = readdirSync(dataDir).filter((f) => f.endsWith(".db"));
      assert.deepEqual(files, ["hubbub.db", "revocations.db"]);
      for (const file of files) {
        const whole = readFileSync(path.join(dataDir, file));
        damage(path.join(dataDir, file));
        await cannotStart([...serve, "--data-dir", dataDir], new RegExp(file.replace(".", "\\.")));
        writeFileSync(path.join(dataDir, file), whole);
      }
    });

  test("a port in use", async (t) => {
    const server = await start(t);
    const taken = new RegExp(`127\\.0\\.0\\.1 port ${server.port} is in use`);
    await cannotStart(["serve", "--dev", "--listen", `127.0.0.1:${server.port}`, "--admin", "127.0.0.1:0"], taken);
    const admin = new RegExp(`127\\.0\\.0\\.1 port ${server.adminPort} is in use`);
    await cannotStart(["serve", "--dev", "--listen", "127.0.0.1:0", "--admin", `127.0.0.1:${server.adminPort}`], admin);
    await server.mustBeWell();
  });

  test("a key file that is missing or too short", async (t) => {
    const directory = temporaryDirectory(t);
    const short = path.join(directory, "short.key");
    writeFileSync(short, "secret");
    for (const file of [short, path.join(directory, "none.key")])
      await cannotStart([...serve, "--hs256-key-file", file], new RegExp(path.basename(file).replace(".", "\\.")));
  });

  test("a certificate that is missing", async (t) => {
    const file = path.join(temporaryDirectory(t), "hubbub.toml");
    writeFileSync(file, '[tls]\ncertificate = "/nowhere/cert.pem"\nkey = "/nowhere/key.pem"\n');
    await cannotStart([...serve, "--config", file], /\/nowhere\/cert\.pem/);
  });

  test("a bad configuration: all its faults, each with its place, and exit code 2", async (t) => {
    const directory = temporaryDirectory(t);
    const file = path.join(directory, "hubbub.toml");
    const cases = [
      ['[limits]\nrooms = "many"\npings = 1\n', [/^\S+hubbub\.toml:2: limits\.rooms: /, /^\S+hubbub\.toml:3: limits\.pings: .*ping/]],
      ['[limits\nrooms = 1\n', [/^\S+hubbub\.toml:[12]: /]],
      ['[server]\nlisten = "here"\n', [/^\S+hubbub\.toml:2: server\.listen: /]],
      ['[nats]\nurl = "127.0.0.1:4222"\n', [/^\S+hubbub\.toml:2: nats\.url: /]],
      ['[namespace.chat]\nkind = "kept"\n', [/^\S+hubbub\.toml:2: namespace\.chat\.kind: /]],
    ];
    for (const [text, patterns] of cases) {
      writeFileSync(file, `${text}[auth]\nanonymous = true\n`);
      for (const args of [["serve", "--config", file], ["check-config", file]]) {
        const { code, stdout, stderr } = await run(args);
        assert.equal(code, 2, `${text}${stderr}`);
        const lines = (stderr + stdout).trim().split("\n");
        assert.equal(lines.length, patterns.length, stderr);
        patterns.forEach((pattern, i) => assert.match(lines[i], pattern));
      }
    }
    assert.equal((await run(["serve", "--config", path.join(directory, "none.toml")])).code, 2);
    assert.equal((await run(["serve", "--no-such-flag"])).code, 2);
  });

  test("no key, no dev mode, no anonymous clients", async () => {
    const { code, stderr } = await run(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /anonymous|hs256_key_file/);
  });
});
