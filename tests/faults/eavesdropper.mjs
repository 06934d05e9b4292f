// Hears whether nodes ask a backend anything.

import { connect } from "../integration/support/nats.mjs";

export class Eavesdropper {
  heard = 0;

  static async on(servers) {
    const one = new Eavesdropper();
    one.connection = await connect({
      servers: servers.map(({ port }) => `127.0.0.1:${port}`), maxReconnectAttempts: -1, reconnectTimeWait: 100, timeout: 2000,
    });
    for (const subject of ["hubbub.up.>", "hubbub.call.>", "hubbub.hooks.>"])
      one.connection.subscribe(subject, { callback: () => ++one.heard });
    await one.connection.flush();
    return one;
  }
  close() { return this.connection.close(); }
}
