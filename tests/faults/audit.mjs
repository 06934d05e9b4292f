// Every confirmed event exactly once and in order within its room, for every subscriber, or a gap that names it.

/** `{lost, repeated, disordered, foreign, gaps, delivered}`, and sentences about the first few. */
export function audit(followers, producers) {
  const confirmed = new Map(); // room -> id -> offset
  for (const producer of producers)
    for (const { room, id, offset } of producer.confirmed) {
      if (!confirmed.has(room)) confirmed.set(room, new Map());
      confirmed.get(room).set(id, offset);
    }
  const found = { delivered: 0, lost: 0, repeated: 0, disordered: 0, gaps: 0 };
  const sentences = [];
  const say = (sentence) => { if (sentences.length < 20) sentences.push(sentence); };
  followers.forEach((follower, i) => {
    for (const [room, had] of follower.rooms) {
      found.delivered += had.events.length;
      found.gaps += had.gaps.length;
      found.disordered += had.faults.length;
      for (const fault of had.faults.slice(0, 3)) say(`follower ${i} in ${room}: ${fault}`);
      // A backend's event has no id of its own, so what was confirmed is known by its offset; no id may come twice either.
      const offsets = new Set(), ids = new Set();
      for (const { id, offset } of had.events) {
        if (ids.has(id) || offsets.has(offset)) {
          ++found.repeated;
          say(`follower ${i} in ${room}: ${id} (${offset}) twice`);
        }
        offsets.add(offset);
        ids.add(id);
      }
      if (had.begin === undefined) continue;
      const named = (offset) => had.gaps.some(({ from, to }) => offset > from && (to === null || offset < to));
      for (const [id, offset] of confirmed.get(room) ?? [])
        if (offset > had.begin && !offsets.has(offset) && !named(offset)) {
          ++found.lost;
          say(`follower ${i} in ${room}: never had ${id} (${offset}); it began behind ${had.begin} and stands at ${had.offset}`);
        }
    }
  });
  return { ...found, confirmed: [...confirmed.values()].reduce((sum, ids) => sum + ids.size, 0), sentences };
}
