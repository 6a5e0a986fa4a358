/**
 * Several readers as one, by event time: the reader whose next event is the oldest goes first, ties in the
 * order of the readers.
 *
 * Within a reader the order is that of its file. Records there may be out of order (CloudTrail: by up to 20
 * minutes); sorting them would make positions jump, and a position is what says how far a stream has been
 * applied. The engine's lateness bound is made for that disorder. So the merged sequence depends on the
 * files alone: not on chunks, and not on how many files are open at a time.
 */
import { KeyhoundError } from '../core/errors.ts';
import type { ApiEvent } from '../core/event.ts';
import { type Decoder, REJECTION } from '../core/format.ts';
import { createDraft } from '../core/record.ts';
import type { Source } from '../core/source.ts';
import type { EventReader, EventStream } from './reader.ts';

export interface MergeInput {
  /** What to call it in a message. */
  readonly name: string;
  open(): EventReader;
  /** A time at or before that of its first event, epoch ms; Infinity when it has none. See `firstTime`. */
  peek(signal: AbortSignal): Promise<number>;
}

export interface MergeOptions {
  /** Up to so many readers are opened at once without looking at their first times. Default 64. */
  readonly eagerMax?: number;
  /** Most readers open at a time; more that overlap in time are a usage error. Default 1,024. */
  readonly openMax?: number;
}

/** How much to read at a time when `count` files are merged: all together at most 64 MiB or 64 KiB each. */
export function mergeChunkBytes(count: number): number {
  return Math.max(64 * 1024, Math.min(1 << 20, Math.floor((64 << 20) / Math.max(1, count))));
}

export function createMerge(
  inputs: readonly MergeInput[],
  options: MergeOptions = {},
): EventStream {
  const [only] = inputs;
  return inputs.length === 1 && only !== undefined ? only.open() : new Merge(inputs, options);
}

/** The least time of the records in the first batch of a source, which it closes. Counts nothing. */
export async function firstTime(
  source: Source,
  decoder: Decoder,
  signal: AbortSignal,
): Promise<number> {
  const draft = createDraft();
  let least = Number.POSITIVE_INFINITY;
  try {
    for (;;) {
      const batch = await source.read(signal);
      if (batch === undefined) return least;
      for (let i = 0; i < batch.count; i++) {
        const outcome = decoder.decode(batch.bytes, batch.starts[i]!, batch.ends[i]!, draft);
        if (outcome === REJECTION.ok && draft.at < least) least = draft.at;
      }
      if (least < Number.POSITIVE_INFINITY) return least;
    }
  } finally {
    await source.close();
  }
}

interface Waiting {
  readonly input: MergeInput;
  readonly order: number;
  readonly at: number;
}

interface Head {
  readonly reader: EventReader;
  readonly order: number;
}

class Merge implements EventStream {
  readonly #inputs: readonly MergeInput[];
  readonly #eagerMax: number;
  readonly #openMax: number;
  /** Binary heap. Each reader has found its next event; the first one's may be delivered already. */
  readonly #heads: Head[] = [];
  /** Not opened yet, the latest first. */
  #waiting: Waiting[] | undefined;
  #isDelivered = false;

  constructor(inputs: readonly MergeInput[], options: MergeOptions) {
    this.#inputs = inputs;
    this.#eagerMax = options.eagerMax ?? 64;
    this.#openMax = options.openMax ?? 1024;
  }

  get event(): ApiEvent {
    const head = this.#heads[0];
    if (head === undefined) throw new Error('no event before next() answered true');
    return head.reader.event;
  }

  exchange(spare: ApiEvent): ApiEvent {
    const head = this.#heads[0];
    if (head === undefined || !this.#isDelivered) throw new Error('no event that was delivered');
    return head.reader.exchange(spare);
  }

  next(): boolean {
    const head = this.#heads[0];
    if (head === undefined) return false;
    if (this.#isDelivered) {
      if (!head.reader.find()) return false;
      this.#isDelivered = false;
      this.#sink(0);
    }
    const first = this.#heads[0]!;
    const waiting = this.#waiting?.at(-1);
    if (waiting !== undefined && waiting.at <= first.reader.event.at) return false;
    first.reader.announce();
    this.#isDelivered = true;
    return true;
  }

  async fill(signal: AbortSignal): Promise<boolean> {
    this.#waiting ??= await this.#peekAll(signal);
    const head = this.#heads[0];
    if (head !== undefined && this.#isDelivered) {
      this.#isDelivered = false;
      if (await loads(head.reader, signal)) this.#sink(0);
      else this.#remove();
    }
    await this.#openDue(this.#waiting, signal);
    return this.#heads.length > 0;
  }

  async close(): Promise<void> {
    const heads = this.#heads.splice(0);
    this.#waiting = [];
    for (const { reader } of heads) await reader.close();
  }

  async #peekAll(signal: AbortSignal): Promise<Waiting[]> {
    const waiting: Waiting[] = [];
    const isEager = this.#inputs.length <= this.#eagerMax;
    for (const [order, input] of this.#inputs.entries()) {
      const at = isEager ? Number.NEGATIVE_INFINITY : await input.peek(signal);
      waiting.push({ input, order, at });
    }
    return waiting.sort((a, b) => b.at - a.at || b.order - a.order);
  }

  /** Opens every input whose first event may be due before those at hand. */
  async #openDue(waiting: Waiting[], signal: AbortSignal): Promise<void> {
    for (;;) {
      const next = waiting.at(-1);
      const first = this.#heads[0];
      if (next === undefined || (first !== undefined && next.at > first.reader.event.at)) return;
      if (this.#heads.length >= this.#openMax) throw tooMany(this.#openMax);
      waiting.pop();
      const reader = next.input.open();
      if (await loads(reader, signal)) {
        this.#heads.push({ reader, order: next.order });
        this.#rise(this.#heads.length - 1);
      }
    }
  }

  #isBefore(a: Head, b: Head): boolean {
    const difference = a.reader.event.at - b.reader.event.at;
    return difference < 0 || (difference === 0 && a.order < b.order);
  }

  #remove(): void {
    const last = this.#heads.pop();
    if (last === undefined || this.#heads.length === 0) return;
    this.#heads[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    const heads = this.#heads;
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#isBefore(heads[i]!, heads[parent]!)) return;
      [heads[i], heads[parent]] = [heads[parent]!, heads[i]!];
      i = parent;
    }
  }

  #sink(from: number): void {
    const heads = this.#heads;
    const moving = heads[from]!;
    let i = from;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heads.length) break;
      if (child + 1 < heads.length && this.#isBefore(heads[child + 1]!, heads[child]!)) child++;
      if (!this.#isBefore(heads[child]!, moving)) break;
      heads[i] = heads[child]!;
      i = child;
    }
    heads[i] = moving;
  }
}

/** Loads batches until there is an event; false, and closed, when the reader is at its end. */
async function loads(reader: EventReader, signal: AbortSignal): Promise<boolean> {
  while (await reader.fill(signal)) if (reader.find()) return true;
  await reader.close();
  return false;
}

function tooMany(openMax: number): KeyhoundError {
  return new KeyhoundError('usage', `more than ${openMax} files overlap in time`, {
    code: 'too-many-files',
    hint: 'Replay them in parts with --state, or join files of the same day first.',
  });
}
