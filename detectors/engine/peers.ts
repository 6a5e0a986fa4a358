/**
 * The keys that a prior is made of, as they stood at the end of a day: a sample of each key group, bounded.
 *
 * A key is sampled at its first use of the next day, before 22:00 UTC; two hours later at the latest, when the
 * watermark passes 22:00, the day is closed. So the sample is a function of the keys' own sequences, however many
 * groups a process has. Of the keys met those with the least digests are kept: the order of arrival does not matter.
 */
import type { Seat } from './judge.ts';
import type { ArrayField } from './layout.ts';

const DAY_MS = 86_400_000;
/** First uses after this hour of the next day are not sampled. */
const CLOSES_MS = 22 * 3_600_000;
/** Keys of a group in the sample of a day: 2,048 over all groups. */
const GROUP_MAX = 8;
/** Days open at once: sources that lag may keep one open while others are a day ahead. */
const DAYS_MAX = 3;

/** What is told of a key. Numbers are rounded to four digits. */
export interface PeerSample {
  /** Orders the sample: 32 bits of the key's digest. */
  readonly order: number;
  readonly consumer: string;
  readonly plan: string;
  /** Requests per second. */
  readonly rate: number;
  /** Distinct (method, route) of its first minute; 0 where nobody counts them. */
  readonly routes: number;
  readonly countries: readonly number[];
  /** Dispersion A, B by scale. */
  readonly dispersion: readonly number[];
  /** Values of the fields that detectors take from peers, in the order of the seats. */
  readonly starts: readonly number[];
}

/** Day that an event samples its key for, in days since the epoch; -1 when it comes too late for that. */
export function sampledDay(at: number): number {
  return at % DAY_MS < CLOSES_MS ? Math.floor(at / DAY_MS) - 1 : -1;
}

/** When a day's sample is complete, epoch ms. */
export function dayClosesAt(day: number): number {
  return (day + 1) * DAY_MS + CLOSES_MS;
}

/** From when on a prior made of a day applies, epoch ms. */
export function priorAppliesAt(day: number): number {
  return (day + 2) * DAY_MS;
}

/** To four digits: a sample is told as JSON. */
export function short(value: number): number {
  return Number(value.toPrecision(4));
}

/** The fields that detectors take from peers, in the order of seats and fields. */
function* startFields(
  seats: readonly Pick<Seat, 'detector' | 'state'>[],
): Generator<{ get(): number; set(value: number): void }> {
  for (const { detector, state } of seats) {
    const fields = state as Record<string, number | ArrayField>;
    for (const name of detector.fromPeers ?? []) {
      const field = fields[name]!;
      if (typeof field === 'number') {
        yield {
          get: () => fields[name] as number,
          set: (value) => {
            fields[name] = value;
          },
        };
        continue;
      }
      for (let i = 0; i < field.length; i++) {
        yield { get: () => field.get(i), set: (value) => field.set(i, value) };
      }
    }
  }
}

export function readStarts(seats: readonly Pick<Seat, 'detector' | 'state'>[]): number[] {
  return Array.from(startFields(seats), (field) => short(field.get()));
}

/** Values of another set of detectors fit nothing, and are left out. */
export function writeStarts(
  seats: readonly Pick<Seat, 'detector' | 'state'>[],
  values: readonly number[],
): void {
  const fields = [...startFields(seats)];
  if (fields.length !== values.length) return;
  for (const [i, field] of fields.entries()) field.set(values[i]!);
}

/** The sample of one key group. */
export class PeerSamples {
  changed = false;
  private days = new Map<number, PeerSample[]>();

  /** Whether a key would be kept: asked before its sample is made. */
  wants(day: number, order: number): boolean {
    const kept = this.days.get(day);
    if (kept === undefined) return this.days.size < DAYS_MAX;
    return kept.length < GROUP_MAX || order < kept.at(-1)!.order;
  }

  add(day: number, sample: PeerSample): void {
    const kept = this.days.get(day) ?? [];
    kept.push(sample);
    kept.sort((a, b) => a.order - b.order);
    kept.splice(GROUP_MAX);
    this.days.set(day, kept);
    this.changed = true;
  }

  /** The sample of a day, which is forgotten with that, and so is any before it. */
  take(day: number): readonly PeerSample[] {
    const taken = this.days.get(day) ?? [];
    for (const known of this.days.keys()) {
      if (known > day) continue;
      this.days.delete(known);
      this.changed = true;
    }
    return taken;
  }

  /** The first day that is open; Infinity when none is. */
  get firstDay(): number {
    return Math.min(...this.days.keys());
  }

  bytes(): Uint8Array {
    this.changed = false;
    return new TextEncoder().encode(JSON.stringify([...this.days]));
  }

  restore(bytes: Uint8Array): void {
    this.days = new Map(JSON.parse(new TextDecoder().decode(bytes)) as [number, PeerSample[]][]);
  }
}
