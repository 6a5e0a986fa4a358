/**
 * Whose turn it is with the engine. A checkpoint is written while the loop goes round, and until it is written
 * no event may be applied: positions and records of it would be of different instants.
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work` once all turns asked for before have ended; a failure of theirs is theirs alone. */
  take<T>(work: () => T | Promise<T>): Promise<T> {
    const mine = this.#last.then(work, work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}
