// (b) All nodes are drained and started again, one after the other, while everything goes on.

import { request } from "../../integration/support/server.mjs";
import { sleep } from "../cluster.mjs";
import { quantile, rate } from "../figures.mjs";

export const title = "rolling restart of three nodes under load";

const ready = (node) => request(`${node.admin}/readyz`, { ms: 1000 }).then(({ status }) => status === 200, () => false);

export async function rehearse(stage, { quiet, short }) {
  const calm = Date.now();
  await sleep(quiet);
  const begun = Date.now();
  const codes = [];
  for (const node of stage.nodes) {
    codes.push(await node.end());
    await stage.bringBack(node);
    for (const end = Date.now() + 20_000; !(await ready(node)) && Date.now() < end;) await sleep(50);
    stage.say(`${node.name} has ended with ${codes.at(-1)} and is back`);
  }
  const over = Date.now();
  const { figures, seen } = await stage.account({ able: begun, own: true, complete: true });
  const before = quantile(stage.latencies(calm, begun), 0.99), during = quantile(stage.latencies(begun, over), 0.99);
  const most = Math.round(stage.pace * 1.1);
  figures.be("exit codes", codes.join(" "), "0 0 0");
  figures.tell("restarts took", (over - begun) / 1000, "s");
  figures.tell("goodbyes", seen.goodbyes.length);
  figures.bar(`goodbyes in a second (pace ${stage.pace})`, rate(seen.goodbyes), most);
  // Whoever comes back counts, let in or not.
  figures.limit("peak handshakes in a second", most);
  stage.judgeMachine(figures);
  figures.tell("publish p50, quiet and during", `${quantile(stage.latencies(calm, begun), 0.5).toFixed(1)} ${quantile(stage.latencies(begun, over), 0.5).toFixed(1)}`, "ms");
  figures.tell("publish p99, quiet", before, "ms");
  figures.tell("publish p99 during it", during, "ms");
  // A few hundred publishes have no p99 to speak of.
  if (!short) figures.limit("publish p99 during it", Math.round(3 * before));
  return figures;
}
