// What is done to the cluster. Each takes a while and then makes it whole again.

import { sleep } from "./cluster.mjs";

export function mischief(random, { nodes, servers, whole }) {
  const ms = () => random.between(500, 4000);
  const node = () => random.one(nodes), server = () => random.one(servers);
  const stopFor = async (say, some, long) => {
    const who = some.map((one) => one.name).join(" and ");
    say(`stop ${who}`);
    for (const one of some) one.stop();
    await sleep(long);
    for (const one of some) one.go();
    say(`${who} on again`);
  };
  return [
    async (say) => {
      const one = node();
      say(`kill ${one.name}`);
      await one.kill();
      await sleep(ms());
      for (;;)
        try {
          await one.start();
          break;
        } catch (error) {
          say(`${one.name} cannot start: ${error.message.slice(0, 200)}`);
          await sleep(500);
        }
      say(`${one.name} is back`);
    },
    (say) => stopFor(say, [node()], 2 * ms()),
    async (say) => {
      await whole();
      const one = server();
      say(`kill ${one.name}`);
      await one.kill();
      await sleep(ms());
      await one.start();
      say(`${one.name} is back`);
    },
    async (say) => {
      await whole();
      await stopFor(say, [server()], 2 * ms());
    },
    async (say) => {
      const one = node();
      const how = random.one(["cut", "stall"]);
      say(`${how} ${one.name} from NATS`);
      for (const link of one.links) link[how]();
      await sleep(ms());
      for (const link of one.links) link.heal();
      say(`${one.name} reaches NATS again`);
    },
    async (say) => { // no quorum: stopped rather than killed, as two of three is more than they promise to survive
      await whole();
      await stopFor(say, [...servers].sort(() => random.between(-1, 1)).slice(0, 2), ms());
    },
  ];
}
