// Those who connect and only take room. Whoever is thrown out comes again.

import { spawnSync } from "node:child_process";
import net from "node:net";
import os from "node:os";

import { serveParent } from "./crowd.mjs";
import { source } from "./random.mjs";

// What is measured is the server, not who of this machine's processes gets a core: strangers have machines of their own.
// A process that is only nice keeps a core for some milliseconds when another one wants it; one with the idle policy does not.
os.setPriority(19);
spawnSync("chrt", ["--all-tasks", "--idle", "--pid", "0", String(process.pid)]);

/** The beginning of a TLS handshake: a record of 512 bytes of which these are all that comes. */
const helloBegins = Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);
const request = Buffer.from(`GET /v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ${"x".repeat(200)}`);
// Strangers do not come in step: two thousand a second, a few at a time.
const perTurn = 10, turn = 5;
const dripTurn = 50;

let going;

function open(kind, port) {
  const socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
  going.sockets.add(socket);
  ++going.opened;
  socket.on("error", () => {});
  socket.on("close", () => going?.sockets.delete(socket));
  socket.resume();
  socket.once("connect", () => {
    if (!going) return socket.resetAndDestroy();
    if (kind === "tls") socket.write(helloBegins);
    if (kind === "flicker") socket.resetAndDestroy();
    socket.sent = 0;
    going.most = Math.max(going.most, going.sockets.size);
  });
}

serveParent({
  begin({ kind, n, port, seed }) {
    const random = source(seed);
    going = { sockets: new Set(), opened: 0, most: 0, flickers: kind === "flicker", timers: [] };
    going.timers.push(setInterval(() => {
      const want = kind === "flicker" ? perTurn : Math.min(perTurn, n - going.sockets.size);
      for (let i = 0; i < want; ++i) open(kind, port);
    }, turn));
    if (kind === "drip")
      going.timers.push(setInterval(() => {
        // A twentieth of them in each turn: each a byte a second.
        for (const socket of going.sockets)
          if (socket.sent !== undefined && random.between(0, 1) < dripTurn / 1000 && socket.sent < request.length)
            socket.write(request.subarray(socket.sent, ++socket.sent));
      }, dripTurn));
  },
  /** Waits until so many are there; those who only come and go are at once. How many are. */
  async full({ n }) {
    for (const end = Date.now() + 20_000; going.most < n && !going.flickers && Date.now() < end;) await new Promise((resolve) => setTimeout(resolve, 50));
    return going.flickers ? 0 : going.most;
  },
  stop() {
    const { sockets, opened, timers } = going;
    for (const timer of timers) clearInterval(timer);
    for (const socket of sockets) socket.resetAndDestroy();
    going = undefined;
    return opened;
  },
});
