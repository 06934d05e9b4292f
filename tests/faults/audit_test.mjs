// What the audit makes of histories, and the figures of what was seen late. Run by CTest where node is at hand:
// node --test tests/faults/audit_test.mjs

import assert from "node:assert/strict";
import test from "node:test";

import { audit, explained } from "./audit.mjs";
import { Figures, rate } from "./figures.mjs";

/** A follower of one room that had these offsets of one life. */
const follower = (offsets, { gaps = [], epochs = ["e"], room = "chat.1" } = {}) => ({
  rooms: new Map([[room, {
    epoch: epochs.at(-1), offset: offsets.at(-1), epochs, gaps, faults: [],
    lives: new Map(epochs.map((epoch) => [epoch, { begin: 0, order: 0 }])),
    events: offsets.map((offset) => ({ id: `i${offset}`, offset, epoch: epochs.at(-1) })),
  }]]),
});
const producers = (n) => [{ confirmed: Array.from({ length: n }, (_, i) => ({ room: "chat.1", id: `i${i + 1}`, offset: i + 1, epoch: "e" })) }];
const find = (one, n) => audit([one], producers(n), new Map());

test("what is confirmed and was not had is lost", () => {
  assert.equal(find(follower([1, 2, 3]), 3).lost, 0);
  assert.equal(find(follower([1, 3]), 3).lost, 1);
});

test("a gap names what is in it, and nothing else", () => {
  const { lost, named } = find(follower([1, 4, 6], { gaps: [{ from: 1, to: 4, head: 6, epoch: "e" }] }), 6);
  assert.deepEqual([lost, named], [1, 2]);
});

test("a gap that nothing has followed names what was there, not what came later", () => {
  const { lost, named } = find(follower([1], { gaps: [{ from: 1, to: null, head: 3, epoch: "e" }] }), 6);
  assert.deepEqual([lost, named], [3, 2]);
});

test("who never joined is counted", () => {
  assert.equal(find(follower([], { epochs: [] }), 3).absent, 1);
  assert.equal(find(follower([1, 2, 3]), 3).absent, 0);
});

test("gaps and epochs take a log that was set back", () => {
  const log = (n) => "error nats: the stream has begun anew: what was in it is lost\n".repeat(n);
  assert.ok(explained({ gaps: 0, epochs: 1 }, ["", ""], 10).well);
  assert.ok(!explained({ gaps: 1, epochs: 1 }, ["", ""], 10).well);
  assert.ok(!explained({ gaps: 0, epochs: 2 }, ["", ""], 10).well);
  assert.ok(explained({ gaps: 10, epochs: 2 }, [log(1), log(1)], 10).well);
  assert.ok(!explained({ gaps: 11, epochs: 2 }, [log(1), log(1)], 10).well);
  assert.ok(!explained({ gaps: 10, epochs: 3 }, [log(1), log(1)], 10).well);
});

test("a rate counts what came within a second, and gives what was late the benefit", () => {
  const evenly = (n, apart, late = 0) => Array.from({ length: n }, (_, i) => [i * apart, late]);
  assert.equal(rate(evenly(400, 5)), 200);
  assert.equal(rate(evenly(400, 0)), 400);
  assert.equal(rate([...evenly(300, 0, 500)]), 200);
  assert.equal(rate([]), 0);
  // One that was late excuses those of its own second only.
  assert.equal(rate([[0, 5000], ...evenly(300, 0).map(([ms]) => [ms + 2000, 0])]), 300);
});

test("a bar is missed by what is above it and by what is no number", () => {
  const missed = (fill) => { const figures = new Figures(); fill(figures); return !figures.well; };
  assert.ok(missed((f) => f.bar("x", 2, 1)));
  assert.ok(missed((f) => f.bar("x", NaN, 1)));
  assert.ok(missed((f) => f.limit("never told", 1)));
  assert.ok(missed((f) => f.be("x", 1, 0)));
  assert.ok(!missed((f) => { f.bar("x", 1, 1); f.tell("y", 5); f.be("z", 0, 0); }));
});
