// Who is in each room, as each node tells it, and who really is.

import { Wire } from "../integration/support/wire.mjs";

/** How many people nodes show that are not there (`ghosts`), and do not show though they are (`missing`). */
export async function rollCall(nodes, followers, rooms) {
  const found = { ghosts: 0, missing: 0 };
  for (const node of nodes) {
    const wire = await Wire.open({ port: node.port, keep: false });
    try {
      for (const room of rooms) {
        const shown = new Set();
        for (let after = "", more = true; more;) {
          const page = await wire.ask({ op: "presence", room, limit: 500, ...(after && { after }) });
          for (const { user } of page.members) shown.add(user);
          after = page.members.at(-1)?.user;
          more = page.more;
        }
        const there = new Set(followers.filter((follower) => follower.rooms.has(room)).map((follower) => follower.wire.welcome.session));
        found.ghosts += [...shown].filter((one) => !there.has(one)).length;
        found.missing += [...there].filter((one) => !shown.has(one)).length;
      }
    } finally {
      wire.close();
    }
  }
  return found;
}
