/** Work on one thing at a time, in the order it came; on different things at the same time. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Bounded by who calls: an entry lives as long as its work. */
  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve();
    const mine = before.then(work, work);
    const settled = mine.catch(() => undefined);
    this.#last.set(name, settled);
    try {
      return await mine;
    } finally {
      if (this.#last.get(name) === settled) this.#last.delete(name);
    }
  }
}
