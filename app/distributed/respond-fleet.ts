/**
 * What brakes have to know of all keys together, where detection is other processes: how many aged keys are in use and
 * since when detection learns, out of its state in Redis; how much traffic there is, from the sums of keys and hours
 * that it tells. Where it is not known yet, what is answered holds more back, never less.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import type { SavedFleet } from '../../detectors/engine/fleet-watch.ts';
import type { StateReader } from '../../store/redis/reader.ts';

const READ_MS = 30_000;
/** While detection has seen nothing yet. */
const SOON_MS = 1000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Keys of an hour that are told apart; the traffic of more than these is not counted. */
const KEYS_MAX = 1_000_000;
/** Hex digits of a digest that tell keys apart: as many as a number holds exactly. */
const DIGITS = 13;

export interface RespondFleetOptions {
  readonly partitions: number;
  readonly clock: Clock;
  state(): Promise<StateReader>;
}

/** Requests of an hour so far, by key. */
interface Hour {
  readonly at: number;
  readonly keys: Map<number, number>;
  requests: number;
}

export class RespondFleet {
  /** Aged keys in use of late. Undefined before the first reading: then three consumers excuse each other. */
  activeKeys: number | undefined;
  /** Event time from which detection has learned; now, where it has seen nothing yet. */
  coldSinceMs: number;
  private readonly options: RespondFleetOptions;
  private hours: Hour[] = [];
  private hasBegun = false;

  constructor(options: RespondFleetOptions) {
    this.options = options;
    this.coldSinceMs = options.clock.now();
  }

  /** Rejects while Redis is away. */
  async read(): Promise<void> {
    const { partitions, state } = this.options;
    const reader = await state();
    const metas = await Promise.all(
      Array.from({ length: partitions }, (_, one) => reader.meta(one, ['firstAt', 'fleet'])),
    );
    const firsts = metas.flatMap(({ firstAt }) => (typeof firstAt === 'number' ? [firstAt] : []));
    this.hasBegun = firsts.length > 0;
    if (this.hasBegun) this.coldSinceMs = Math.min(...firsts);
    // Every partition hears all others: the one that is furthest knows most.
    const fleets = metas.flatMap(({ fleet }) => (fleet == null ? [] : [fleet as SavedFleet]));
    this.activeKeys = Math.max(0, ...fleets.flatMap(({ active }) => active.map(keysOf)));
  }

  /** Until the signal. What cannot be read stays as it was. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.hasBegun ? READ_MS : SOON_MS, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await this.read().catch(() => undefined);
    }
  }

  /** The sum of an hour of a key, which grows with each telling. */
  used(digest: string, hourAt: number, requests: number): void {
    const hour = this.hourOf(hourAt);
    if (hour === undefined) return;
    const key = Number.parseInt(digest.slice(0, DIGITS), 16);
    const known = hour.keys.get(key);
    if (known === undefined && hour.keys.size >= KEYS_MAX) return;
    if (known !== undefined && known >= requests) return;
    hour.keys.set(key, requests);
    hour.requests += requests - (known ?? 0);
  }

  /** Requests of all keys in an hour of late; undefined before any was told. */
  trafficPerHour(): number | undefined {
    if (this.hours.length === 0) return undefined;
    const now = this.options.clock.now();
    const rates = this.hours.map(({ at, requests }) => {
      const elapsedMs = Math.min(HOUR_MS, Math.max(MINUTE_MS, now - at));
      return (requests * HOUR_MS) / elapsedMs;
    });
    return Math.max(...rates);
  }

  /** The last two are kept: the hour that is running, and a whole one. */
  private hourOf(at: number): Hour | undefined {
    const known = this.hours.find((hour) => hour.at === at);
    if (known !== undefined) return known;
    if (this.hours.length > 1 && at < this.hours.at(-1)!.at) return undefined;
    const hour: Hour = { at, keys: new Map(), requests: 0 };
    this.hours = [hour, ...this.hours].sort((a, b) => b.at - a.at).slice(0, 2);
    return hour;
  }
}

function keysOf([, counts]: SavedFleet['active'][number]): number {
  return counts.reduce((sum, [, keys]) => sum + keys, 0);
}
