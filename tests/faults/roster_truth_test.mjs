// What is made of rosters that are known. Run by CTest where node is at hand: node --test tests/faults/roster_truth_test.mjs

import assert from "node:assert/strict";
import test from "node:test";

import { RosterTruth } from "./roster_truth.mjs";
import { nats, Troubles } from "./troubles.mjs";

const room = "chat.1", bound = 5000;

/** Two nodes, each with somebody who has been there since 0. */
function world() {
  let now = 0;
  const troubles = new Troubles(() => now);
  const truth = new RosterTruth(troubles, bound);
  const people = new Map([["ann", "one"], ["bob", "two"]]);
  const note = () => truth.note(now, [...people].map(([session, node]) => ({ session, node, rooms: new Set([room]) })));
  note();
  return {
    troubles, truth, people,
    at(ms) { now = ms; note(); },
    shows(node, ...sessions) { truth.judge(node, room, new Set(sessions), now, now); },
    get ghost() { return truth.found.longestGhost; },
    get missing() { return truth.found.longestMissing; },
  };
}

test("those who are there may be missing until the bound, and then not", () => {
  const w = world();
  w.at(4000);
  w.shows("one", "ann");
  assert.equal(w.missing, 4000);
  assert.equal(w.truth.found.sentences.length, 0);
  w.at(6000);
  w.shows("one", "ann", "bob");
  assert.equal(w.truth.found.due, 1);
  w.shows("one", "ann");
  assert.equal(w.missing, 6000);
  assert.match(w.truth.found.sentences[0], /^one does not show bob of two in chat\.1 after 6\.0 s$/);
  assert.ok(!w.truth.well);
});

test("those who are gone may be shown until the bound, and then not", () => {
  const w = world();
  w.at(10_000);
  w.people.delete("bob");
  w.at(11_000);
  w.at(16_500);
  w.shows("one", "ann");
  assert.deepEqual([w.ghost, w.truth.found.overdue], [0, 1]);
  w.shows("one", "ann", "bob");
  assert.equal(w.ghost, 5500);
});

test("a node in trouble excuses itself and its people until it is over, and for the bound after that", () => {
  for (const trouble of ["one", "two", nats]) {
    const w = world();
    w.at(10_000);
    w.troubles.begin(trouble);
    w.at(20_000);
    w.shows("one", "ann");
    w.shows("two", "bob");
    w.troubles.end(trouble);
    w.at(24_000);
    w.shows("one", "ann");
    assert.equal(w.missing, 4000, trouble);
    w.at(26_000);
    w.shows("one", "ann");
    assert.equal(w.missing, 6000, trouble);
  }
});

test("the people of a node that was killed are gone within the bound, whenever it comes back", () => {
  const w = world();
  w.at(10_000);
  w.troubles.kill("two");
  w.people.delete("bob");
  w.at(10_100);
  w.at(12_000);
  w.troubles.end("two");
  w.at(15_500);
  w.shows("one", "ann", "bob");
  assert.equal(w.ghost, 5400);
});

test("who left a node that is stopped is shown until it goes on", () => {
  const w = world();
  w.at(10_000);
  w.troubles.begin("two");
  w.people.delete("bob");
  w.at(20_000);
  w.shows("one", "ann", "bob");
  assert.equal(w.ghost, 0);
  w.troubles.end("two");
  w.at(26_000);
  w.shows("one", "ann", "bob");
  assert.equal(w.ghost, 6000);
});

test("one that nobody knows is a ghost from when it was first seen, unless it turns out to be there", () => {
  const w = world();
  w.shows("one", "ann", "bob", "cat", "dan");
  w.people.set("dan", "one");
  w.at(6000);
  w.shows("one", "ann", "bob", "dan");
  assert.equal(w.ghost, 0);
  w.shows("one", "ann", "bob", "cat", "dan");
  assert.equal(w.ghost, 6000);
});

test("nothing was shown unless somebody had to be there and somebody had to be gone", () => {
  const w = world();
  w.at(6000);
  w.shows("one", "ann", "bob");
  assert.ok(!w.truth.well);
  w.people.delete("bob");
  w.at(6100);
  w.at(12_000);
  w.shows("one", "ann");
  assert.ok(w.truth.well);
});
