// What is done to the cluster. Each takes a while and then makes it whole again.

import { sleep } from "./cluster.mjs";

export function mischief(random, { nodes, servers, whole }) {
  const ms = () => random.between(500, 4000);
  const node = () => random.one(nodes), server = () => random.one(servers);
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
    async (say) => {
      const one = node();
      say(`stop ${one.name}`);
      one.stop();
      await sleep(2 * ms());
      one.go();
      say(`${one.name} goes on`);
    },
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
      const one = server();
      say(`stop ${one.name}`);
      one.stop();
      await sleep(2 * ms());
      one.go();
      say(`${one.name} goes on`);
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
      const two = [...servers].sort(() => random.between(-1, 1)).slice(0, 2);
      say(`stop ${two.map((one) => one.name).join(" and ")}`);
      for (const one of two) one.stop();
      await sleep(ms());
      for (const one of two) one.go();
      say(`${two.map((one) => one.name).join(" and ")} go on`);
    },
  ];
}
