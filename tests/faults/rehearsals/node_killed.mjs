// (a) One of three nodes is killed. Its clients find the others by themselves.

export const title = "one of three nodes is killed";

export async function rehearse(stage) {
  const { node, clients } = await stage.fullest();
  const able = Date.now(); // the other two are there all the time
  await node.kill();
  stage.say(`${node.name} and its ${clients} clients are cut off`);
  await stage.crowd.returned({ left: clients });
  const { figures, seen } = await stage.account({ able });
  figures.tell("clients of the dead node", clients);
  // Clients that are late themselves come back late.
  figures.limit("99% back and caught up", 5 + seen.lag / 1000);
  await stage.bringBack(node);
  return figures;
}
