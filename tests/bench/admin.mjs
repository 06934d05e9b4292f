// What the harness asks of hubbub's admin listener.

/** Publishes events {room, type, data}, 250 at a time. Throws when one is refused. */
export async function publish(server, events) {
  for (let from = 0; from < events.length; from += 250) {
    const answer = await fetch(`http://127.0.0.1:${server.admin}/v1/publish`,
      { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(events.slice(from, from + 250)) });
    if (answer.status !== 200) throw new Error(`publishing: ${answer.status} ${await answer.text()}`);
    const refused = (await answer.json()).find((a) => !a.offset);
    if (refused) throw new Error(`an event was refused: ${JSON.stringify(refused)}`);
  }
}

/** `n` events of 128 bytes; `room(i)` names the room of each. */
export const events = (n, room) => Array.from({ length: n }, (_, i) => ({ room: room(i), type: 'm', data: 'x'.repeat(128) }));
