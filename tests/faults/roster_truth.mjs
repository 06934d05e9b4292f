// Who really is in which room, since when, and who was; and for how long what nodes show has been otherwise.

import { nats } from "./troubles.mjs";

// Who left is remembered so long; whoever is shown after that counts anew.
const remembered = 30_000;

export class RosterTruth {
  /**
   * How often a node's room was compared; how many people of other nodes had to be shown then, and how many had to be gone; for
   * how many milliseconds somebody was shown who was gone, and not shown who was there, at most. Of a node that is in trouble
   * both may be, and on one that is, and it counts from the end of the trouble; but for the people of one that was killed it
   * counts from then.
   */
  found = { compared: 0, due: 0, overdue: 0, longestGhost: 0, longestMissing: 0, sentences: [] };
  /** session -> {session, node, rooms: room -> since, at} */
  #here = new Map();
  /** room -> those of them that are in it */
  #in = new Map();
  /** room -> session -> {node, left, killed} */
  #gone = new Map();

  /** After `bound` milliseconds nothing may be wrong. */
  constructor(troubles, bound) { Object.assign(this, { troubles, bound }); }

  /** All who are connected at that time, as `{session, node, rooms}` with the rooms that they have joined by now. */
  note(now, people) {
    for (const { session, node, rooms } of people) {
      let one = this.#here.get(session);
      if (!one) this.#here.set(session, one = { session, node, rooms: new Map() });
      one.at = now;
      if (one.rooms.size === rooms.size) continue;
      for (const room of rooms)
        if (!one.rooms.has(room)) {
          one.rooms.set(room, now);
          of(this.#in, room, Set).add(one);
          this.#gone.get(room)?.delete(session); // it was shown before its own client knew
        }
    }
    for (const one of this.#here.values())
      if (one.at !== now) {
        this.#here.delete(one.session);
        const killed = this.troubles.isKilled(one.node);
        for (const room of one.rooms.keys()) {
          this.#in.get(room).delete(one);
          of(this.#gone, room, Map).set(one.session, { node: one.node, left: now, killed });
        }
      }
  }

  /** A node has shown these sessions in a room, at some time from `asked` on. `now`: when its answer was there. */
  judge(at, room, shown, asked, now) {
    const { found } = this;
    const gone = of(this.#gone, room, Map);
    ++found.compared;
    for (const session of shown)
      // One that was never seen has come and gone unseen.
      if (!this.#here.has(session) && !gone.has(session)) gone.set(session, { left: now });
    for (const { session, node, rooms } of of(this.#in, room, Set)) {
      const wrong = asked - Math.max(rooms.get(room), this.troubles.well(at, node, nats));
      if (node !== at && wrong > this.bound) ++found.due;
      if (!shown.has(session)) this.#tell("longestMissing", wrong, () => `${at} does not show ${session} of ${node} in ${room}`);
    }
    for (const [session, { node, left, killed }] of gone) {
      const since = Math.max(left, killed || !node ? this.troubles.well(at, nats) : this.troubles.well(at, nats, node));
      if (asked - since > this.bound) ++found.overdue;
      if (shown.has(session)) this.#tell("longestGhost", asked - since, () => `${at} shows ${session}, who was on ${node ?? "some node"}, in ${room}`);
      else if (now - left > remembered) gone.delete(session);
    }
  }

  #tell(which, wrong, sentence) {
    const { found } = this;
    found[which] = Math.max(found[which], wrong);
    if (wrong > this.bound && found.sentences.length < 10) found.sentences.push(`${sentence()} after ${(wrong / 1000).toFixed(1)} s`);
  }

  /** Was it compared when somebody had to be there, and when somebody had to be gone, and never wrong for longer than the bound? */
  get well() {
    const { due, overdue, longestGhost, longestMissing } = this.found;
    return due > 0 && overdue > 0 && longestGhost <= this.bound && longestMissing <= this.bound;
  }
}

/** What is there at that key, made if it is not. */
function of(map, key, Kind) {
  if (!map.has(key)) map.set(key, new Kind());
  return map.get(key);
}
