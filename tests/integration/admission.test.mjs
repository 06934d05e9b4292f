// Who comes in when not everybody can.

import assert from "node:assert/strict";
import test from "node:test";

import { serve } from "./support/broker.mjs";
import { until } from "./support/wire.mjs";

test("when the handshakes of a second are spent, those who show a ticket come in all the same", async (t) => {
  const rate = 40, kept = rate / 4;
  const node = await serve(t, { sections: { limits: { handshakes_per_second: rate } } });
  const before = await node.clients(kept - 2);
  await until(() => before.every((client) => client.welcome), "they are welcome");
  const tickets = before.map((client) => client.welcome.ticket);
  let refused = 0;
  // More than several seconds' worth.
  const newcomers = Promise.all(Array.from({ length: 6 * rate }, () => node.client().catch((error) => {
    assert.match(error.message, /^HTTP\/1\.1 503 [^]*\r\nRetry-After: [0-9]+\r\n/);
    ++refused;
  })));
  await until(() => refused > 0, "nobody was refused");
  const back = await Promise.all(tickets.map((ticket) => node.client({ ticket })));
  await until(() => back.every((client) => client.welcome), "they are welcome again");
  await newcomers;
  assert.equal(await node.metric("hubbub_ticket_handshakes_total"), tickets.length);
  assert.equal(await node.metric('hubbub_handshakes_refused_total{reason="overloaded"}'), refused);
});
