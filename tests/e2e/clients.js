// What the tests of clients/javascript have in common.

import WebSocket, { WebSocketServer } from "ws";
import { connect } from "../../clients/javascript/hubbub.js";

/** A client that is closed with the test. */
export function client(t, url, options = {}) {
  const hub = connect(`${url}/v1/ws`, { WebSocket, backoffMs: 50, backoffMaxMs: 200, ...options });
  t.after(() => hub.close());
  return hub;
}

export const happens = (emitter, name) => new Promise((resolve) => {
  const end = emitter.on(name, (value) => {
    end();
    resolve(value);
  });
});

/** Resolves when the client has lost its connection and has another. */
export async function reconnected(hub, lose) {
  const waiting = new Promise((resolve) => {
    const end = hub.on("state", (state) => {
      if (state !== "waiting" && state !== "closed") return;
      end();
      resolve(state);
    });
  });
  lose();
  if (await waiting === "closed") throw new Error(`closed for good: ${hub.reason?.message}`);
  while (hub.state !== "online") await happens(hub, "state");
}

/**
 * A WebSocket class that keeps what was opened, offered and said. `sends(frame, socket)` and `hears(frame, socket)` may
 * return false: then the frame is held back until `socket.release()`, or is not heard. `origin`: what a browser would say.
 */
export function recorded({ sends = () => true, hears = () => true, origin } = {}) {
  const sockets = [];
  class Recorded extends WebSocket {
    #held = [];
    constructor(url, protocols) {
      super(url, protocols, origin ? { origin } : {});
      this.offered = protocols;
      this.ops = [];
      sockets.push(this);
    }
    send(text) {
      const frame = JSON.parse(text);
      this.ops.push(frame.op);
      if (sends(frame, this) === false || this.#held.length > 0) this.#held.push(text);
      else super.send(text);
    }
    release() {
      for (const text of this.#held.splice(0)) super.send(text);
    }
    emit(what, ...values) {
      if (what === "message") {
        const said = JSON.parse(values[0]);
        for (const frame of [said].flat()) if (hears(frame, this) === false) return true;
      }
      return super.emit(what, ...values);
    }
  }
  return { sockets, Recorded };
}

/** What a client offers beside the protocol: "ticket", "bearer" or "". */
export const shown = (socket) => socket.offered.slice(1).map((item) => item.split(".")[0]).join();

/** A server that says what a test wants said; its `welcome` only on those connections that `welcomes(number)`. */
export async function scripted(t, onConnection, { welcomes = () => true, welcome = {} } = {}) {
  const wss = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await new Promise((resolve) => wss.once("listening", resolve));
  t.after(() => {
    for (const socket of wss.clients) socket.terminate();
    wss.close();
  });
  const opened = [];
  wss.on("connection", (socket) => {
    opened.push(Date.now());
    const say = (frame) => socket.send(JSON.stringify(frame));
    const number = opened.length;
    if (welcomes(number)) say({ op: "welcome", session: "s", limits: { commands_in_flight: 4 }, ping_ms: 1000, ...welcome });
    onConnection({ socket, say, number });
  });
  return { url: `http://127.0.0.1:${wss.address().port}`, opened };
}
