import { byteLength, commandDepth, encode } from "./frame.js";

// What stands around the rooms: op, id, and the members' names.
const envelopeBytes = 200;

/**
 * The one frame by which a session goes on in all its rooms: `body` of the command, and `named`, the rooms in it by
 * name. Those that do not fit, and those without a position, are to be joined by themselves.
 */
export function resumption(rooms, ticket, { messageBytes, mostRooms }) {
  const named = new Map();
  const parts = [];
  let left = messageBytes - envelopeBytes - (ticket?.length ?? 0);
  for (const room of rooms) {
    const part = named.size < mostRooms ? partOf(room) : null;
    const bytes = part && byteLength(part) + 1;
    if (!part || bytes > left) continue;
    left -= bytes;
    named.set(room.name, room);
    parts.push(part);
  }
  const shown = ticket ? `"ticket":${encode(ticket)},` : "";
  return { body: `{${shown}"rooms":{${parts.join()}}}`, named };
}

function partOf(room) {
  const place = room.place();
  if (!place) return null;
  try {
    // Here the place is a value within `rooms`, which is one itself.
    return `${JSON.stringify(room.name)}:${encode(place, commandDepth - 2)}`;
  } catch {
    return null;
  }
}
