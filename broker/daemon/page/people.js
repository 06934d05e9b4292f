// Who is here, and who is typing.

import { avatar, element } from "./messages.js";

const shown = 100;

/** The name a member goes by: what it says of itself, or a piece of its session. */
function nameOf(member) {
  const name = member.info?.name;
  return typeof name === "string" && name.trim() !== "" ? name.trim() : `Guest ${String(member.user).slice(0, 4)}`;
}

/** Draws `room.members`, oneself first. */
export function showPeople({ list, note, count }, room, session) {
  count.textContent = room.count ?? "–";
  const members = [...(room.members?.values() ?? [])].map((m) => ({ ...m, name: nameOf(m), me: m.user === session }));
  members.sort((a, b) => b.me - a.me || a.name.localeCompare(b.name) || (a.user < b.user ? -1 : 1));
  list.replaceChildren(
    ...members.slice(0, shown).map((m) => {
      const item = element("li");
      item.dataset.user = m.user;
      item.append(avatar(m.name), element("span", "who", m.name));
      if (m.me) item.append(element("span", "tag", "you"));
      else if (m.connections > 1) item.append(element("span", "tag", `${m.connections} windows`));
      return item;
    }),
  );
  const more = (room.count ?? 0) - Math.min(members.length, shown);
  note.hidden = more <= 0 && room.count !== null;
  note.textContent = room.count === null ? "Not told in this room." :
    room.members ? `and ${more} more` : `${room.count} people. So many are counted, not listed.`;
}

/** Says who is typing, for as long as they keep on. */
export class Typing {
  #line;
  #people = new Map();

  constructor(line) {
    this.#line = line;
  }

  set(key, name, typing) {
    clearTimeout(this.#people.get(key)?.timer);
    this.#people.delete(key);
    if (typing) this.#people.set(key, { name, timer: setTimeout(() => this.set(key, name, false), 4000) });
    const names = [...this.#people.values()].map((p) => p.name);
    const text = names.length === 0 ? "" : names.length === 1 ? `${names[0]} is typing…` :
      names.length === 2 ? `${names[0]} and ${names[1]} are typing…` : `${names.length} people are typing…`;
    if (this.#line.textContent !== text) this.#line.textContent = text;
  }
}
