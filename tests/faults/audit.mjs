// Every confirmed event exactly once and in order within its room, for every subscriber, or something that names it:
// a gap, or the end of the log's life.

/** What there is to say of one follower in one room. */
function judge(had, confirmed, epochOf, found, say) {
  const inEpoch = new Set(), ids = new Set();
  for (const { id, offset, epoch } of had.events) {
    if (inEpoch.has(`${epoch} ${id}`)) {
      ++found.repeated;
      say(`${id} (${offset}) twice`);
    }
    inEpoch.add(`${epoch} ${id}`);
    ids.add(id);
  }
  const now = had.epochs.at(-1);
  for (const { id, offset, epoch = epochOf.get(id) ?? now } of confirmed) {
    if (ids.has(id) || !had.epochs.includes(epoch)) continue;
    const { begin } = had.lives.get(epoch);
    if (offset <= begin) continue;
    if (epoch !== now || had.gaps.some((gap) => gap.epoch === epoch && offset > gap.from && (gap.to === null || offset < gap.to))) {
      ++found.named;
      continue;
    }
    ++found.lost;
    say(`never had ${id} (${offset}); it began behind ${begin} and stands at ${had.offset}`);
  }
}

/** `{delivered, lost, repeated, disordered, named, gaps, epochs, confirmed}`, and sentences about the first few. */
export function audit(followers, producers) {
  const confirmed = Map.groupBy
    ? Map.groupBy(producers.flatMap((producer) => producer.confirmed), ({ room }) => room)
    : producers.flatMap((producer) => producer.confirmed).reduce((all, one) => all.set(one.room, [...(all.get(one.room) ?? []), one]), new Map());
  const histories = followers.flatMap((follower, i) => [...follower.rooms].map(([room, had]) => ({ i, room, had })));
  // What a backend published was confirmed without an epoch: whoever had it tells.
  const epochOf = new Map();
  for (const { had } of histories) for (const { id, epoch } of had.events) if (!epochOf.has(id)) epochOf.set(id, epoch);

  const found = { delivered: 0, lost: 0, repeated: 0, disordered: 0, named: 0, gaps: 0, epochs: 0, confirmed: 0, sentences: [] };
  for (const list of confirmed.values()) found.confirmed += list.length;
  for (const { i, room, had } of histories) {
    const say = (what) => { if (found.sentences.length < 20) found.sentences.push(`follower ${i} in ${room}: ${what}`); };
    found.delivered += had.events.length;
    found.gaps += had.gaps.length;
    found.disordered += had.faults.length;
    found.epochs = Math.max(found.epochs, had.epochs.length);
    had.faults.slice(0, 3).forEach(say);
    if (had.epochs.length > 0) judge(had, confirmed.get(room) ?? [], epochOf, found, say);
  }
  return found;
}
