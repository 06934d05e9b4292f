// What is done to the cluster. Each takes a while and then makes it whole again, and is noted.

import { sleep } from "./cluster.mjs";
import { nats } from "./troubles.mjs";

export function mischief(random, { nodes, servers, whole }, troubles) {
  const ms = () => random.between(500, 4000);
  const node = () => random.one(nodes), server = () => random.one(servers);
  const stopFor = async (say, some, long, trouble) => {
    const who = some.map((one) => one.name).join(" and ");
    say(`stop ${who}`);
    troubles.begin(trouble);
    for (const one of some) one.stop();
    await sleep(long);
    for (const one of some) one.go();
    troubles.end(trouble);
    say(`${who} on again`);
  };
  return [
    async (say) => {
      const one = node();
      say(`kill ${one.name}`);
      troubles.kill(one.name);
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
      troubles.end(one.name);
      say(`${one.name} is back`);
    },
    (say) => {
      const one = node();
      return stopFor(say, [one], 2 * ms(), one.name);
    },
    async (say) => {
      await whole();
      const one = server();
      say(`kill ${one.name}`);
      troubles.begin(nats);
      await one.kill();
      troubles.end(nats); // the other two are enough
      await sleep(ms());
      await one.start();
      say(`${one.name} is back`);
    },
    async (say) => {
      await whole();
      await stopFor(say, [server()], 2 * ms(), nats);
    },
    async (say) => {
      const one = node();
      const how = random.one(["cut", "stall"]);
      say(`${how} ${one.name} from NATS`);
      troubles.begin(one.name);
      for (const link of one.links) link[how]();
      await sleep(ms());
      for (const link of one.links) link.heal();
      troubles.end(one.name);
      say(`${one.name} reaches NATS again`);
    },
    async (say) => { // no quorum: stopped rather than killed, as two of three is more than they promise to survive
      await whole();
      await stopFor(say, [...servers].sort(() => random.between(-1, 1)).slice(0, 2), ms(), nats);
    },
  ];
}
