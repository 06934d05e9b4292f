// What `nats stream backup` and `nats stream restore` do: https://docs.nats.io/running-a-nats-service/nats_admin/jetstream_admin/disaster_recovery

import { createInbox, StringCodec } from "nats";

import { within } from "./server.mjs";

const text = StringCodec();

async function ask(connection, subject, body) {
  const answer = JSON.parse(text.decode((await connection.request(subject, text.encode(JSON.stringify(body)), { timeout: 10_000 })).data));
  if (answer.error) throw new Error(`${subject}: ${answer.error.description}`);
  return answer;
}

/** `{stream, config, state, chunks}` of a stream; `inboxes`: the prefix of the connection's. */
export async function backUp(connection, stream, inboxes) {
  const inbox = createInbox(inboxes);
  const arriving = connection.subscribe(inbox);
  const { config, state } = await ask(connection, `$JS.API.STREAM.SNAPSHOT.${stream}`, { deliver_subject: inbox, no_consumers: true, chunk_size: 4096 });
  const chunks = [];
  await within(10_000, (async () => {
    for await (const message of arriving) {
      if (message.data.length === 0) return; // the end
      chunks.push(message.data);
      message.respond(); // or the server would wait for it
    }
  })(), `a backup of ${stream}`);
  return { stream, config, state, chunks };
}

/** Puts it where there is no stream of that name. */
export async function restore(connection, { stream, config, state, chunks }) {
  const { deliver_subject } = await ask(connection, `$JS.API.STREAM.RESTORE.${stream}`, { config, state });
  for (const chunk of chunks) await connection.request(deliver_subject, chunk, { timeout: 10_000 });
  const { error } = JSON.parse(text.decode((await connection.request(deliver_subject, undefined, { timeout: 10_000 })).data));
  if (error) throw new Error(`${stream}: ${error.description}`);
}
