// The part of a crowd that lives in one process.

import os from "node:os";

import { serveParent } from "./crowd.mjs";
import { Member } from "./member.mjs";
import { source } from "./random.mjs";
import { mintToken } from "./tokens.mjs";

// Who measures comes first, where that is allowed: a client that gets no core looks like one that the servers let wait.
try {
  os.setPriority(-5);
} catch {
  // Then it is late, and says so.
}

let members = [];
const fresh = () => ({ handshakes: [], goodbyes: [], sentences: [] });
// How late this process is. What is read in a turn was there when the turn began, so that it has waited since is certain; it
// may have waited since the turn before began, and not longer.
const tick = 20;
let lag = 0, ticks = [Date.now(), Date.now()];
setInterval(() => {
  const now = Date.now();
  lag = Math.max(lag, now - ticks[1] - tick);
  ticks = [ticks[1], now];
}, tick);
const since = (begin) => Math.max(0, Date.now() - begin - tick);
const log = { ...fresh(), late: () => since(ticks[1]), lateAtMost: () => since(ticks[0] + tick) };
setInterval(() => {
  const now = Date.now();
  for (const member of members) member.look(now);
}, 500);

const step = 50;

serveParent({
  async gather({ from, step: apart, clients, rooms, ports, seed, patience, secret }) {
    for (let i = from; i < clients; i += apart) {
      const random = source(seed * 100_003 + i);
      members.push(new Member({
        room: rooms[i % rooms.length], port: ports[Math.floor(i / rooms.length) % ports.length], ports, random,
        // Every other one is in no hurry to suspect its node.
        patience: i % 2 ? patience : 4 * patience, log, token: secret && mintToken(secret, `m${i}`), deflate: i % 4 < 2,
      }));
    }
    for (let i = 0; i < members.length; i += step)
      await Promise.all(members.slice(i, i + step).map((member) => {
        member.live();
        return member.here;
      }));
  },
  behind: ({ published }) => members.filter(({ room, next }) => !(next >= (published[room] ?? 0))).length,
  away: () => ({
    left: members.reduce((n, { trips }) => n + trips.length, 0),
    away: members.filter(({ trips }) => trips.at(-1)?.[1] === null).length,
  }),
  report() {
    const faults = {};
    const trips = [];
    for (const member of members) {
      for (const name in member.faults) {
        faults[name] = (faults[name] ?? 0) + member.faults[name];
        member.faults[name] = 0;
      }
      trips.push(...member.trips);
      member.trips = member.trips.filter(([, back]) => back === null);
    }
    const { handshakes, goodbyes, sentences } = log;
    const answer = { faults, trips, lag, handshakes, goodbyes, sentences };
    Object.assign(log, fresh());
    lag = 0;
    return answer;
  },
  cut({ until }) { for (const member of members) member.cut(until); },
  people: () => members.map(({ room, user, port }) => [room, user, port]),
});
