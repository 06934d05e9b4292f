// (e) A node stops turning for a while, and goes on as if nothing had been.

import { sleep } from "../cluster.mjs";

export const title = "a node is stopped and continued";

export async function rehearse(stage, { stopped }) {
  const { node, clients } = await stage.fullest();
  node.stop();
  await sleep(stopped);
  node.go();
  const able = Date.now();
  stage.say(`${node.name} with ${clients} clients was stopped for ${stopped / 1000} s`);
  const { figures } = await stage.account({ able, own: true });
  figures.tell("clients of the stopped node", clients);
  return figures;
}
