// What the kernel holds for a server's sockets, as ss tells it.
import { readFileSync } from 'node:fs';

/** A shell command that writes what ss knows of the connections to `port` into `file`. */
export const listSockets = (port, file) => `ss -tmnOH state established '( sport = :${port} )' > '${file}'`;

/** Of each connection: `held` bytes of send memory, as the kernel charges them, and how many it `may` hold. */
export function sendMemory(file) {
  return [...readFileSync(file, 'utf8').matchAll(/skmem:\(r\d+,rb\d+,t\d+,tb(\d+),f\d+,w(\d+)/g)].map((m) => ({ may: +m[1], held: +m[2] }));
}
