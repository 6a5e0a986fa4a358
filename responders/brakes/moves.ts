/** Which keys of a consumer were met in which new place. */

const PLACES_MAX = 10_000;
const KEYS_MAX = 64;

export class Moves {
  /** By consumer and place: subject id → event time. */
  private readonly seen = new Map<string, Map<string, number>>();
  version = 0;

  meet(consumer: string, place: string, subjectId: string, at: number): void {
    const name = nameOf(consumer, place);
    const keys = this.seen.get(name) ?? new Map<string, number>();
    if (!this.seen.has(name) && this.seen.size >= PLACES_MAX) return;
    if (!keys.has(subjectId)) {
      if (keys.size >= KEYS_MAX) return;
      this.version++;
    }
    keys.set(subjectId, at);
    this.seen.set(name, keys);
  }

  /** Keys of the consumer that were met there within so long of an instant. */
  keys(consumer: string, place: string, at: number, withinMs: number): number {
    const keys = this.seen.get(nameOf(consumer, place));
    if (keys === undefined) return 0;
    return [...keys.values()].filter((time) => Math.abs(time - at) <= withinMs).length;
  }

  prune(beforeAt: number): void {
    for (const [name, keys] of this.seen) {
      for (const [id, at] of keys) if (at < beforeAt) keys.delete(id);
      if (keys.size === 0) this.seen.delete(name);
    }
  }
}

function nameOf(consumer: string, place: string): string {
  return JSON.stringify([consumer, place]);
}
