// What is done to the cluster. Each takes a while and then makes it whole again, and is noted.

import { sleep } from "./cluster.mjs";
import { nats } from "./troubles.mjs";

/**
 * Before 2.10 a leader of a stream that stands still past an election, and goes on, keeps a log of its own ever after: it lacks
 * what was published last, and numbers what follows otherwise. Nothing tells, and it answers readers. (2.9.10; `jsz` of each shows it.)
 */
export const leadersMayStop = ({ version }) => Number(version.split(".")[0]) > 2 || Number(version.split(".")[1]) >= 10;

/** The servers that may be stopped now. */
export async function stoppable({ servers, replicas }) {
  if (servers.every(leadersMayStop)) return [...servers];
  const leaders = (await replicas()).map(({ leader }) => leader);
  return servers.filter(({ name }) => !leaders.includes(name));
}

export function mischief(random, world, troubles) {
  const { nodes, servers, whole } = world;
  const ms = () => random.between(500, 4000);
  const node = () => random.one(nodes), server = () => random.one(servers);
  const some = async (n) => (await stoppable(world)).sort(() => random.between(-1, 1)).slice(0, n);
  const stopFor = async (say, victims, long, trouble) => {
    const who = victims.map((one) => one.name).join(" and ");
    say(`stop ${who}`);
    troubles.begin(trouble);
    for (const one of victims) one.stop();
    await sleep(long);
    for (const one of victims) one.go();
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
      await stopFor(say, await some(1), 2 * ms(), nats);
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
      await stopFor(say, await some(2), ms(), nats);
    },
  ];
}
