// (a) One of three nodes is killed. Its clients find the others by themselves.

export const title = "one of three nodes is killed";

export async function rehearse(stage) {
  const { node, clients } = await stage.fullest();
  const able = Date.now(); // the other two are there all the time
  await node.kill();
  stage.say(`${node.name} and its ${clients} clients are cut off`);
  await stage.crowd.returned({ left: clients });
  const { figures } = await stage.account({ able, complete: true });
  figures.tell("clients of the dead node", clients);
  // Clients that are late themselves come back late.
  figures.limit("the same without their own lateness", 5);
  stage.judgeMachine(figures);
  await stage.bringBack(node);
  return figures;
}
