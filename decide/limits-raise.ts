/** What makes limits rise: a long clean record, and planned events. Quotas of more than an hour are sold, and stay. */
import type { RateLimit } from '../core/ladder.ts';
import type { KeyFacts } from './contract.ts';
import { HOUR_MS } from './limits-learned.ts';

const DAY_MS = 86_400_000;
/** A planned event may want more; whoever wants that much more sets a limit. */
const PLANNED_MAX = 100;

export interface RaiseSettings {
  /** Days without an incident after which a limit has risen in full. */
  readonly cleanDays: number;
  /** By how much then. 1: never. */
  readonly cleanFactor: number;
}

/** At least 1, in steps of 5 %. */
export function raiseFactor(
  facts: KeyFacts | undefined,
  { cleanDays, cleanFactor }: RaiseSettings,
  now: number,
): number {
  const { cleanSinceAt, plannedFactor = 1 } = facts ?? {};
  const days = cleanSinceAt === undefined ? 0 : Math.max(0, now - cleanSinceAt) / DAY_MS;
  const clean = 1 + (cleanFactor - 1) * Math.min(1, days / cleanDays);
  const planned = Math.min(PLANNED_MAX, Math.max(1, plannedFactor));
  // A little over, so that what is a step but for rounding is one.
  return Math.max(1, Math.floor(clean * planned * 20 + 1e-9) / 20);
}

export function raised(limit: RateLimit, factor: number): RateLimit {
  if (factor <= 1 || limit.windowMs > HOUR_MS) return limit;
  return { requests: Math.floor(limit.requests * factor), windowMs: limit.windowMs };
}
