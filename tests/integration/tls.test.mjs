// wss:, and a certificate that is changed while clients are connected.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { connect } from "./support/client.mjs";
import { open, upgrade } from "./support/raw.mjs";
import { eventually, run, start, temporaryDirectory } from "./support/server.mjs";

/** Puts a new self-signed certificate of 127.0.0.1 and its key into `directory`; returns the certificate. */
function certify(directory, name) {
  const certificate = path.join(directory, "cert.pem");
  execFileSync("openssl", [
    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
    "-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1",
    "-keyout", path.join(directory, "key.pem"), "-out", certificate,
  ], { stdio: "pipe" });
  return readFileSync(certificate);
}

const config = (directory) =>
  `[tls]\ncertificate = "${directory}/cert.pem"\nkey = "${directory}/key.pem"\n`;

/** The name in the certificate that a new connection is shown. */
async function shownName(server, ca, t) {
  const raw = await open(server.port, { t, secure: { ca } });
  const { subject } = raw.socket.getPeerCertificate();
  raw.destroy();
  return subject.CN;
}

async function secure(t) {
  const directory = temporaryDirectory(t);
  const ca = certify(directory, "first");
  const server = await start(t, { config: config(directory), dev: true });
  assert.match(server.url, /^https:/);
  return { directory, ca, server };
}

test("clients join and publish over wss:", async (t) => {
  const { ca, server } = await secure(t);
  const client = await connect(server, { t, ca });
  await client.must({ op: "join", room: "chat.tls" });
  const data = "x".repeat(60_000); // several TLS records
  for (let n = 0; n < 20; n++) await client.must({ op: "publish", room: "chat.tls", type: "t", data: `${n}${data}` });
  await eventually(() => client.events.length === 20);
  assert.deepEqual(client.events.map((e) => Number.parseInt(e.data, 10)), Array.from({ length: 20 }, (_, n) => n));
  const raw = await upgrade(server.port, { t, secure: { ca } });
  assert.equal((await raw.message()).op, "welcome");
});

test("TLS 1.2 and 1.3 are spoken, 1.1 is not", async (t) => {
  const { ca, server } = await secure(t);
  for (const version of ["TLSv1.2", "TLSv1.3"]) {
    const raw = await open(server.port, { t, secure: { ca, minVersion: version, maxVersion: version } });
    assert.equal(raw.socket.getProtocol(), version);
    raw.destroy();
  }
  await assert.rejects(open(server.port, {
    t, secure: { ca, minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" },
  }));
});

test("who does not speak TLS is dropped and counted, and others are served", async (t) => {
  const { ca, server } = await secure(t);
  const plain = await open(server.port, { t });
  await plain.write("GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  await plain.closed();
  const rubbish = await open(server.port, { t });
  await rubbish.write(Buffer.alloc(4000, 0x16));
  await rubbish.closed();
  await eventually(async () => (await server.metric('hubbub_handshakes_refused_total{reason="tls"}')) === 2,
    "both are counted");
  (await connect(server, { t, ca })).cut();
});

describe("SIGHUP", () => {
  test("new connections get the new certificate, and nobody is dropped", async (t) => {
    const { directory, ca, server } = await secure(t);
    const clients = await Promise.all([1, 2, 3, 4].map(() => connect(server, { t, ca })));
    for (const client of clients) await client.must({ op: "join", room: "chat.reload" });
    assert.equal(await shownName(server, ca, t), "first");
    // One is in the middle of its handshake.
    const between = await open(server.port, { t, secure: { ca } });
    await between.write("GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\n");

    const renewed = certify(directory, "second");
    assert.equal(await shownName(server, ca, t), "first", "not before it is told to");
    server.signal("SIGHUP");
    await eventually(async () => {
      try {
        return (await shownName(server, [ca, renewed], t)) === "second";
      } catch (error) {
        throw new Error(`${error.message}: ${server.stderr}`);
      }
    }, "the new certificate");
    await assert.rejects(shownName(server, ca, t), "the old one does not do any more");

    await between.write("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    assert.equal((await between.answer()).status, 101);
    const late = await connect(server, { t, ca: renewed });
    await late.must({ op: "join", room: "chat.reload" });
    await late.must({ op: "publish", room: "chat.reload", type: "t", data: "after" });
    for (const client of [...clients, late]) {
      await client.waitFor((m) => m.op === "event" && m.data === "after");
      assert.ok(client.isOpen);
    }
  });

  test("a certificate that is damaged or of another key changes nothing and is told", async (t) => {
    const { directory, ca, server } = await secure(t);
    const client = await connect(server, { t, ca });
    const complaints = () => server.stderr.split("\n").filter((line) => /cert\.pem|key\.pem/.test(line)).length;
    const keep = readFileSync(path.join(directory, "key.pem"));
    for (const damage of [
      () => writeFileSync(path.join(directory, "cert.pem"), "-----BEGIN CERTIFICATE-----\nrubbish\n"),
      () => { certify(directory, "third"); writeFileSync(path.join(directory, "key.pem"), keep); },
    ]) {
      const before = complaints();
      damage();
      server.signal("SIGHUP");
      await eventually(() => complaints() > before, `a complaint in: ${server.stderr}`);
      assert.equal(await shownName(server, ca, t), "first");
    }
    assert.ok(client.isOpen);
    await client.must({ op: "join", room: "chat.1" });
  });

  test("without TLS it ends nothing", async (t) => {
    const server = await start(t);
    const client = await connect(server, { t });
    server.signal("SIGHUP");
    await eventually(() => /nothing to read again/.test(server.stderr), "a word about it");
    await client.must({ op: "join", room: "chat.1" });
    assert.ok(server.running);
  });
});

test("a key that does not belong to the certificate keeps a node from starting", async (t) => {
  const directory = temporaryDirectory(t);
  certify(directory, "one");
  const key = readFileSync(path.join(directory, "key.pem"));
  certify(directory, "two");
  writeFileSync(path.join(directory, "key.pem"), key);
  const file = path.join(directory, "hubbub.toml");
  writeFileSync(file, config(directory));
  const { code, stderr } = await run(["serve", "--dev", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--config", file]);
  assert.equal(code, 1, stderr);
  assert.equal(stderr.trim().split("\n").length, 1);
  assert.match(stderr, /key\.pem|cert\.pem/);
});
