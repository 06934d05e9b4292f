// The sockets of a proxy: each pair of them lives and dies together.

export class Sockets {
  #open = new Set();

  /** Neither outlives the other. */
  pair(one, other) {
    for (const [here, there] of [[one, other], [other, one]]) {
      this.#open.add(here);
      here.setNoDelay(true);
      here.on("error", () => {});
      here.on("close", () => {
        this.#open.delete(here);
        there.destroy();
      });
    }
  }
  each(f) { for (const socket of this.#open) f(socket); }
  destroy() { this.each((socket) => socket.destroy()); }
}
