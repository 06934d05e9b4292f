// Every confirmed event exactly once and in order within its room, for every subscriber, or something that names it:
// a gap, or the end of the log's life.

/** Is that what the gap says is missing? Where nothing has followed it, only what was there when it was told. */
const names = ({ from, to, head }, offset) => offset > from && (to === null ? offset <= head : offset < to);

/** What there is to say of one follower in one room. */
function judge(had, confirmed, epochOf, archive, found, say) {
  const inEpoch = new Map(), ids = new Set();
  for (const { id, offset, epoch } of had.events) {
    if (inEpoch.has(`${epoch} ${id}`)) {
      ++found.repeated;
      const places = archive.get(id) ?? [];
      if (places.length > 1) ++found.repeatedByLog;
      say(`${id} twice, at ${inEpoch.get(`${epoch} ${id}`)} and ${offset}; JetStream has it at ${places.join(" and ") || "no place"}`);
    }
    inEpoch.set(`${epoch} ${id}`, offset);
    ids.add(id);
  }
  const now = had.epochs.at(-1);
  for (const { id, offset, epoch = epochOf.get(id) ?? now } of confirmed) {
    if (ids.has(id) || !had.epochs.includes(epoch)) continue;
    const { begin } = had.lives.get(epoch);
    if (offset <= begin) continue;
    if (epoch !== now || had.gaps.some((gap) => gap.epoch === epoch && names(gap, offset))) {
      ++found.named;
      continue;
    }
    ++found.lost;
    const places = archive.get(id) ?? [];
    if (!places.includes(offset)) ++found.lostByLog;
    say(`never had ${id} (${offset}); it began behind ${begin} and stands at ${had.offset}; JetStream has it at ${places.join(" and ") || "no place"}`);
  }
}

/**
 * `{delivered, lost, repeated, disordered, named, gaps, epochs, absent, confirmed}`, and sentences about the first few.
 * `absent`: those who never were in a room of theirs. `epochs`: the most that anybody saw in a room; each after the first took
 * one that was lost. `archive`: what JetStream has in the end, so that what it lost or has twice itself can be told:
 * `lostByLog`, `repeatedByLog`.
 */
export function audit(followers, producers, archive) {
  const confirmed = Map.groupBy
    ? Map.groupBy(producers.flatMap((producer) => producer.confirmed), ({ room }) => room)
    : producers.flatMap((producer) => producer.confirmed).reduce((all, one) => all.set(one.room, [...(all.get(one.room) ?? []), one]), new Map());
  const histories = followers.flatMap((follower, i) => [...follower.rooms].map(([room, had]) => ({ i, room, had })));
  // What a backend published was confirmed without an epoch: whoever had it tells.
  const epochOf = new Map();
  for (const { had } of histories) for (const { id, epoch } of had.events) if (!epochOf.has(id)) epochOf.set(id, epoch);

  const found = { delivered: 0, lost: 0, lostByLog: 0, repeated: 0, repeatedByLog: 0, disordered: 0, named: 0, gaps: 0, epochs: 0, absent: 0, confirmed: 0, sentences: [] };
  for (const list of confirmed.values()) found.confirmed += list.length;
  for (const { i, room, had } of histories) {
    const say = (what) => { if (found.sentences.length < 20) found.sentences.push(`follower ${i} in ${room}: ${what}`); };
    found.delivered += had.events.length;
    found.gaps += had.gaps.length;
    found.disordered += had.faults.length;
    found.epochs = Math.max(found.epochs, had.epochs.length);
    had.faults.slice(0, 3).forEach(say);
    if (had.epochs.length > 0) {
      judge(had, confirmed.get(room) ?? [], epochOf, archive, found, say);
    } else {
      ++found.absent;
      say("never joined");
    }
  }
  return found;
}

/**
 * Are the gaps and epochs that followers were told no more than what happened to the log? The nodes keep more than is
 * published, so only a log that was set back, or began anew, explains one: for everybody once. `said`: each node's log.
 */
export function explained({ gaps, epochs }, said, places) {
  const count = (text, what) => text.split(what).length - 1;
  const setBack = said.reduce((n, text) => n + count(text, "the stream was set back"), 0);
  const anew = Math.max(...said.map((text) => count(text, "the stream has begun anew")));
  const lives = Math.max(setBack, anew);
  return { lives, well: epochs <= 1 + lives && gaps <= lives * places };
}
