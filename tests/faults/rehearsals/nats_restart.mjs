// (d) All nats-servers are restarted, one after the other, as their manual says: lame duck first.

export const title = "rolling restart of the nats-servers";

export async function rehearse(stage) {
  const begun = Date.now();
  const { whole, servers } = stage.world;
  for (const server of servers) {
    await whole();
    await server.end("SIGUSR2");
    await stage.bringBack(server);
    stage.say(`${server.name} has gone as a lame duck and is back`);
  }
  await whole();
  const able = Date.now();
  const { figures } = await stage.account({ able });
  figures.tell("restarts took", (able - begun) / 1000, "s");
  return figures;
}
