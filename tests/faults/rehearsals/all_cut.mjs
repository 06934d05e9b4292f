// (c) Everybody's network is gone for two seconds, again and again.

import { sleep } from "../cluster.mjs";

export const title = "all clients cut for 2 s again and again";

export async function rehearse(stage, { cuts }) {
  let able;
  for (let i = 0; i < cuts; ++i) {
    able = await stage.crowd.cut(2000);
    await sleep(able - Date.now());
    // The next one comes while the last ones are still catching up.
    if (i + 1 < cuts) await stage.crowd.returned({ may: Math.floor(stage.crowd.size / 10) });
  }
  stage.say(`cut ${cuts} times`);
  await stage.crowd.returned({});
  const { figures } = await stage.account({ able, complete: true });
  figures.tell("cuts", cuts);
  return figures;
}
