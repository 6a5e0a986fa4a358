/**
 * Keeps this node's buckets and the store's together: a few times a second it tells what was spent, and spends on
 * from what it is told. While the store is away, each node goes on with the part of the limit that it had last.
 */
import type { Clock } from '../core/clock.ts';
import {
  LIMIT_REPORTS_MAX,
  type LimitGrant,
  type LimitReport,
  type LimitStore,
} from '../core/limits.ts';
import type { Asked, Limits } from './limits.ts';
import { grant, reportOf, takeBack } from './limits-buckets.ts';

const EVERY_MS = 100;

export interface SharedLimitsOptions {
  readonly limits: Limits;
  readonly store: LimitStore;
  /** At most 64 of [A-Za-z0-9_.-], another for each process. */
  readonly node: string;
  readonly clock: Clock;
  /** Default 100. */
  readonly everyMs?: number;
  /** Called once each time that the store goes away. */
  onError(error: unknown): void;
}

export class SharedLimits {
  readonly #options: SharedLimitsOptions;
  #timer: NodeJS.Timeout | undefined;
  #settling: Promise<void> | undefined;
  #awaySince: number | undefined;

  constructor(options: SharedLimitsOptions) {
    this.#options = options;
    options.limits.share();
  }

  /** Since when the store is away, epoch ms. */
  get awaySince(): number | undefined {
    return this.#awaySince;
  }

  start(): void {
    const everyMs = this.#options.everyMs ?? EVERY_MS;
    this.#timer = setInterval(() => void this.settle(), everyMs).unref();
  }

  /** One round: never two at once, never rejects. */
  settle(): Promise<void> {
    this.#settling ??= this.#settle().finally(() => {
      this.#settling = undefined;
    });
    return this.#settling;
  }

  /** Tells what is left to tell. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#settling;
    await this.settle();
  }

  async #settle(): Promise<void> {
    const { limits, node, store, clock, onError } = this.#options;
    const told = limits.takeAsked(LIMIT_REPORTS_MAX).flatMap(reportsOf);
    if (told.length === 0) return;
    try {
      const reports = told.map(({ report }) => report);
      const grants = await store.take(node, reports);
      for (let i = 0; i < told.length; i++) apply(told[i]!, grants[i]);
      this.#awaySince = undefined;
    } catch (error) {
      for (const { asked, index, name, report } of told) {
        if (isStill(asked, index, name)) takeBack(asked.limits, index, report);
        limits.askAgain(asked);
      }
      if (this.#awaySince === undefined) onError(error);
      this.#awaySince ??= clock.now();
    }
  }
}

interface Told {
  readonly asked: Asked;
  readonly index: number;
  readonly name: string;
  readonly report: LimitReport;
}

function reportsOf(asked: Asked): Told[] {
  return asked.limits.buckets.map(({ name }, index) => ({
    ...{ asked, index, name },
    report: reportOf(asked.key, asked.limits, index),
  }));
}

function apply({ asked, index, name }: Told, given: LimitGrant | undefined): void {
  if (given !== undefined && isStill(asked, index, name)) grant(asked.limits, index, given);
}

/** The layers of a key may have changed while the store was asked. */
function isStill({ limits }: Asked, index: number, name: string): boolean {
  return limits.buckets[index]?.name === name;
}
