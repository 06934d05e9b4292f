// Who is in each room, as each node tells it, and who really is.

import { Wire } from "../integration/support/wire.mjs";

/**
 * How many people nodes show that are not there (`ghosts`), and do not show though they are (`missing`), where `people` have
 * `rooms` and are shown as `user`, each with one connection. `token`: of who asks.
 */
export async function rollCall(nodes, people, rooms, token) {
  const found = { ghosts: 0, missing: 0 };
  for (const node of nodes) {
    const wire = await Wire.open({ port: node.port, keep: false, token });
    try {
      for (const room of rooms) {
        const shown = new Map();
        for (let after = "", more = true; more;) {
          const page = await wire.ask({ op: "presence", room, limit: 500, ...(after && { after }) });
          for (const { user, connections } of page.members) shown.set(user, connections);
          after = page.members.at(-1)?.user;
          more = page.more;
        }
        const there = new Set(people.filter((one) => one.rooms.has(room)).map(({ user }) => user));
        for (const [user, connections] of shown) found.ghosts += connections - (there.has(user) ? 1 : 0);
        found.missing += [...there].filter((one) => !shown.has(one)).length;
      }
    } finally {
      wire.close();
    }
  }
  return found;
}
