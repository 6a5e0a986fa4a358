/** Whose keys are in use, and how many requests they make: what the desk asks of its surroundings. */
import type { ApiEvent } from '../../core/event.ts';

const HOUR_MS = 3_600_000;
/** Requests of an hour are counted by so many parts of it. */
const PARTS = 12;
const PART_MS = HOUR_MS / PARTS;
const AGED_MS = 7 * 86_400_000;

interface Counted {
  readonly firstAt: number;
  consumer: string;
  /** Part of an hour of its latest request, from the epoch. */
  part: number;
}

export class Census {
  requests = 0;
  private readonly keys = new Map<string, Counted>();
  /** By part: requests, and aged keys that were used the first time within the hour up to it. */
  private readonly byPart = new Map<number, { requests: number; keys: Set<string> }>();

  get size(): number {
    return this.keys.size;
  }

  count({ at, consumer, key }: ApiEvent): void {
    this.requests++;
    const part = Math.floor(at / PART_MS);
    let counted = this.keys.get(key.id);
    if (counted === undefined) {
      counted = { firstAt: at, consumer, part: -1 };
      this.keys.set(key.id, counted);
    }
    if (consumer !== '') counted.consumer = consumer;
    let here = this.byPart.get(part);
    if (here === undefined) {
      here = { requests: 0, keys: new Set() };
      this.byPart.set(part, here);
      for (const old of this.byPart.keys()) if (old < part - PARTS) this.byPart.delete(old);
    }
    here.requests++;
    if (counted.part !== part) {
      counted.part = part;
      if (at - counted.firstAt >= AGED_MS) here.keys.add(key.id);
    }
  }

  ids(): IterableIterator<string> {
    return this.keys.keys();
  }

  consumerOf(key: string): string | undefined {
    return this.keys.get(key)?.consumer;
  }

  /** Requests of the hour before; undefined while there is no such hour. */
  perHour(at: number): number | undefined {
    let sum = 0;
    const last = Math.floor(at / PART_MS);
    for (const [part, { requests }] of this.byPart) {
      if (part < last && part >= last - PARTS) sum += requests;
    }
    return sum === 0 ? undefined : sum;
  }

  /** Aged keys that were used in the hour before. */
  activeKeys(at: number): number {
    const last = Math.floor(at / PART_MS);
    const all = new Set<string>();
    for (const [part, { keys }] of this.byPart) {
      if (part <= last && part >= last - PARTS) for (const id of keys) all.add(id);
    }
    return all.size;
  }
}
