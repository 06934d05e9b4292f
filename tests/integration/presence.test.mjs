// Who is in a room, as those see it who asked.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";

import { binary, directory, megabytes, plainWays, serve } from "./support/broker.mjs";
import { until } from "./support/wire.mjs";

const interval = 200;
// A machine without so many descriptors, or an instrumented binary, may ask for fewer.
const crowd = Number(process.env.HUBBUB_TEST_CROWD ?? 5000);

/** Follows a room's roster from the join's answer and the pushes. */
function follow(wire) {
  const seen = { members: new Map(), count: 0, version: 0, frames: 0, resets: 0, changes: [], listed: true };
  const put = (list) => { for (const member of list ?? []) seen.members.set(member.user, member); };
  const apply = (push) => {
    if (push.op !== "presence") return;
    ++seen.frames;
    seen.changes.push(push);
    if (push.version <= seen.version) wire.fail(`version ${push.version} after ${seen.version}`);
    seen.version = push.version;
    seen.count = push.count;
    seen.listed = Boolean(push.reset || push.join || push.leave || push.update);
    if (push.reset) {
      ++seen.resets;
      seen.members.clear();
      put(push.members);
    }
    put(push.join);
    put(push.update);
    for (const { user } of push.leave ?? []) seen.members.delete(user);
    if (seen.listed && seen.members.size !== seen.count) wire.fail(`${seen.members.size} members, the count is ${seen.count}`);
  };
  wire.onPush = apply;
  wire.onAnswer = (answer) => {
    if (answer.op !== "ok" || answer.head === undefined || answer.count === undefined) return;
    seen.count = answer.count;
    seen.listed = Boolean(answer.members);
    put(answer.members);
  };
  return { seen, join: (room, more) => wire.ask({ op: "join", room, presence: true, ...more }) };
}

const names = (list) => (list ?? []).map((member) => member.user).sort();

for (const way of plainWays) {
  test(`joins, updates, leaves and lingering are told (${way.name})`, async (t) => {
    const node = await serve(t, { ...way, sections: {
      "namespace.chat": { linger: "600ms" }, "namespace.brief": { linger: "0s" } } });
    const watcher = await node.client();
    const roster = follow(watcher);
    const first = await roster.join("chat.1", { info: { name: "watcher" } });
    assert.equal(first.count, 1);
    assert.deepEqual(first.members, [{ user: watcher.welcome.session, info: { name: "watcher" }, connections: 1 }]);

    const guest = await node.client();
    await guest.ask({ op: "join", room: "chat.1", info: { name: "guest" } });
    const guestName = guest.welcome.session;
    await until(() => watcher.check() && roster.seen.members.has(guestName), "the join");
    assert.deepEqual(roster.seen.members.get(guestName), { user: guestName, info: { name: "guest" }, connections: 1 });

    await guest.ask({ op: "update", room: "chat.1", info: { name: "guest", away: true } });
    await until(() => watcher.check() && roster.seen.members.get(guestName).info.away === true, "the update");
    assert.equal(roster.seen.changes.at(-1).update.length, 1);

    const page = await guest.ask({ op: "presence", room: "chat.1", limit: 1 });
    assert.equal(page.members.length, 1);
    assert.equal(page.more, true);
    assert.equal(page.count, 2);
    const next = await guest.ask({ op: "presence", room: "chat.1", after: page.members[0].user });
    assert.deepEqual(names([...page.members, ...next.members]), [guestName, watcher.welcome.session].sort());
    assert.equal(next.more, false);

    const gone = performance.now();
    node.forget(guest);
    await until(() => watcher.check() && !roster.seen.members.has(guestName), "the leave");
    assert.ok(performance.now() - gone > 550, "it lingers");
    assert.deepEqual(roster.seen.changes.at(-1).leave, [{ user: guestName, connections: 0 }]);
    assert.equal(roster.seen.count, 1);
    assert.equal(roster.seen.resets, 0, "nothing was told anew");
  });

  test(`who has just joined is not shown an older roster (${way.name})`, async (t) => {
    const node = await serve(t, { ...way, sections: { "namespace.chat": { presence_interval: "500ms" } } });
    const wires = await node.clients(20);
    const rosters = wires.map(follow);
    // One by one, so that several come between two of the room's showings.
    for (const [n, roster] of rosters.entries()) {
      const answer = await roster.join("chat.1");
      assert.ok(names(answer.members).includes(wires[n].welcome.session));
      if (n === 1) await until(() => rosters[0].seen.count === 2, "the room has shown the first two");
    }
    await until(() => wires.every((wire) => wire.check()) && rosters.every(({ seen }) => seen.count === 20), "all see all");
    for (const { seen } of rosters) assert.equal(seen.resets, 0, `told anew: ${JSON.stringify(seen.changes[0])}`);
  });

  test(`connections of one user are one member, and a reconnect is no leave (${way.name})`, async (t) => {
    const key = path.join(directory(), "key");
    writeFileSync(key, "k".repeat(48));
    const token = (sub) => execFileSync(binary, ["token", "--key-file", key, "--sub", sub, "--grant",
      "chat.>=join,publish,history,presence", "--ttl", "1h"], { encoding: "utf8" }).trim();
    const node = await serve(t, { ...way, sections: { auth: { hs256_key_file: key }, "namespace.chat": { linger: "2s" } } });
    const watcher = await node.client({ token: token("watcher") });
    const roster = follow(watcher);
    await roster.join("chat.1");
    const ann = token("ann");
    const [one, two] = await node.clients(2, { token: ann });
    await one.ask({ op: "join", room: "chat.1" });
    await two.ask({ op: "join", room: "chat.1" });
    await until(() => watcher.check() && roster.seen.members.get("ann")?.connections === 2, "both connections");
    assert.equal(roster.seen.count, 2);
    node.forget(one);
    await until(() => watcher.check() && roster.seen.members.get("ann")?.connections === 1, "one is left");
    node.forget(two);
    await new Promise((resolve) => setTimeout(resolve, 2 * interval)); // nothing must come in this time
    const back = await node.client({ token: ann });
    await back.ask({ op: "join", room: "chat.1" });
    await new Promise((resolve) => setTimeout(resolve, 2200)); // the linger's end
    watcher.check();
    assert.equal(roster.seen.members.get("ann")?.connections, 1);
    assert.ok(roster.seen.changes.every((change) => !change.leave), "a reconnect is no leave");
  });

  test(`rooms that count, rooms without presence and rooms too large for a roster (${way.name})`, async (t) => {
    const node = await serve(t, { ...way, sections: {
      "namespace.count": { presence: "count", linger: "0s" }, "namespace.off": { presence: "off" },
      "namespace.small": { roster_max: 20, linger: "0s" } } });
    const counting = await node.client();
    const counted = follow(counting);
    const answer = await counted.join("count.1");
    assert.equal("members" in answer, false);
    assert.equal(answer.count, 1);
    const others = await node.clients(5);
    await Promise.all(others.map((wire) => wire.ask({ op: "join", room: "count.1" })));
    await until(() => counting.check() && counted.seen.count === 6, "the count");
    assert.equal(counted.seen.listed, false);

    const blind = await node.client();
    const nothing = follow(blind);
    await blind.ask({ op: "join", room: "off.1", presence: true });
    await Promise.all(others.map((wire) => wire.ask({ op: "join", room: "off.1" })));
    await new Promise((resolve) => setTimeout(resolve, 3 * interval));
    assert.equal(nothing.seen.frames, 0);
    assert.deepEqual((await blind.ask({ op: "presence", room: "off.1" })).members, []);

    const watcher = await node.client();
    const roster = follow(watcher);
    await roster.join("small.1");
    const many = await node.clients(30);
    for (const wire of many) await wire.ask({ op: "join", room: "small.1" });
    await until(() => watcher.check() && roster.seen.count === 31, "the count of all");
    assert.equal(roster.seen.changes.at(-1).reset, undefined);
    assert.equal(roster.seen.listed, false, "above roster_max it only counts");
    for (const wire of many.slice(0, 25)) node.forget(wire);
    await until(() => watcher.check() && roster.seen.count === 6 && roster.seen.listed, () => `the roster is back: ${JSON.stringify(roster.seen.changes.at(-1))}`);
    assert.ok(roster.seen.resets >= 1);
    assert.deepEqual([...roster.seen.members.keys()].sort(),
      [watcher, ...many.slice(25)].map((wire) => wire.welcome.session).sort());
  });

  test(`a reader that was far behind gets everybody anew (${way.name})`, async (t) => {
    const node = await serve(t, { ...way, sections: { limits: { send_buffer_bytes: 4608 }, "namespace.chat": { linger: "0s" } } });
    const [watcher, publisher, member] = await node.clients(3);
    const roster = follow(watcher);
    await roster.join("chat.1");
    await member.ask({ op: "join", room: "chat.1" });
    await until(() => roster.seen.count === 2, "the other one");
    watcher.pause();
    for (let i = 0; i < 500; ++i) await publisher.ask({ op: "publish", room: "chat.1", type: "message", data: "s".repeat(16_000) });
    for (let i = 0; i < 3000; ++i) await member.ask({ op: "update", room: "chat.1", info: { i } });
    watcher.resume();
    await until(() => watcher.check() && roster.seen.members.get(member.welcome.session)?.info?.i === 2999, "its newest state");
    assert.ok(roster.seen.frames < 40, `${roster.seen.frames} frames for 3000 changes`);
  });

  test(`a crowd joins a room: few frames, little memory (${way.name})`, { timeout: 120_000 }, async (t) => {
    const node = await serve(t, { ...way, sections: { "namespace.chat": { presence_interval: `${interval}ms` } } });
    const empty = node.rss();
    const wires = [];
    const rosters = [];
    let bytes = 0;
    let most = 0;
    const watch = setInterval(() => { most = Math.max(most, node.rss()); }, 100);
    const start = performance.now();
    for (let at = 0; at < crowd;) { // 5,000 in ten seconds, if the machine is fast enough
      const some = await node.clients(Math.min(50, crowd - at), { keep: false });
      at += some.length;
      await Promise.all(some.map((wire) => {
        const roster = follow(wire);
        roster.since = performance.now();
        wires.push(wire);
        rosters.push(roster);
        return roster.join("chat.crowd");
      }));
      const ahead = start + 2 * at - performance.now();
      if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, ahead));
    }
    const joining = performance.now() - start;
    const page = await wires[0].ask({ op: "presence", room: "chat.crowd", limit: 1 });
    assert.equal(page.count, crowd, "the room knows all");
    await until(() => wires.every((wire) => wire.check()) && rosters.every(({ seen }) => seen.count === crowd),
      () => `everybody counts ${crowd}: they count ${[...new Set(rosters.map(({ seen }) => seen.count))].slice(0, 10)}`, 30_000);
    clearInterval(watch);
    const now = performance.now();
    let worst = 0;
    for (const { seen, since } of rosters) {
      const allowed = Math.ceil((now - since) / interval) + 2;
      worst = Math.max(worst, seen.frames / allowed);
      assert.ok(seen.frames <= allowed, `${seen.frames} frames in ${Math.round(now - since)} ms`);
    }
    for (const wire of wires) bytes += wire.bytes;
    t.diagnostic(`${crowd} joined in ${Math.round(joining)} ms; at most ${Math.max(...rosters.map(({ seen }) => seen.frames))} frames a reader ` +
      `(${Math.round(worst * 100)}% of one per interval), ${megabytes(bytes)} MB in all; RSS ${megabytes(empty)} -> ${megabytes(most)} MB at most`);
    assert.ok(most - empty < 60e6 + crowd * 30_000, `RSS ${megabytes(most)} MB`);
  });
}

test("a node on which people linger in hundreds of rooms ends at once", async (t) => {
  const node = await serve(t, { sections: { "namespace.chat": { linger: "1h" } } });
  const wire = await node.client();
  const rooms = Array.from({ length: 200 }, (_, i) => `chat.${i}`);
  for (let i = 0; i < rooms.length; i += 50)
    await Promise.all(wire.send(...rooms.slice(i, i + 50).map((room) => ({ op: "join", room, presence: true }))));
  wire.close();
  await until(async () => (await node.metric("hubbub_connections")) === 0, "the client has gone");
  await node.stop();
});
