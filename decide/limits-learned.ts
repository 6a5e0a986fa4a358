/**
 * Limits learned from a key's own history: the p99 of the requests in its hours, times a factor. Never under what the
 * plan lets it have, for that is what was sold; so a learned limit bites where the plan is wide or there is none.
 */
import type { RateLimit } from '../core/ladder.ts';
import type { KeyFacts } from './contract.ts';
import type { Layer } from './limits-layers.ts';

export const HOUR_MS = 3_600_000;
/** A p99 of fewer hours is not one. */
const HOURS_MIN = 168;
/** An hour in which a person tries something out. */
const REQUESTS_MIN = 60;
const LEARNED = 'learned';

export interface LearnedLimit {
  readonly limit: RateLimit;
  /** For people: what it is from. */
  readonly evidence: string;
}

/** Undefined while the key has too little history. */
export function learnedLimit(
  facts: KeyFacts | undefined,
  factor: number,
  plan: readonly Layer[],
): LearnedLimit | undefined {
  const { hourP99, hours = 0 } = facts ?? {};
  if (hourP99 === undefined || !(hourP99 >= 0) || hours < HOURS_MIN) return undefined;
  const own = Math.ceil(hourP99 * factor);
  const sold = Math.ceil(hourlyOf(plan) ?? 0);
  const requests = twoDigits(Math.max(own, sold, REQUESTS_MIN));
  const from = `p99 of ${hours} hours is ${Math.round(hourP99)} requests; times ${factor}`;
  const raised = sold > own ? `; the plan lets it have ${sold}` : '';
  return { limit: { requests, windowMs: HOUR_MS }, evidence: `${from}${raised}` };
}

export function learnedLayer({ limit }: LearnedLimit, enforce: boolean): Layer {
  return { name: LEARNED, limit, enforce };
}

/** Most requests of an hour that all enforced layers let pass; undefined without one. */
export function hourlyOf(plan: readonly Layer[]): number | undefined {
  let least: number | undefined;
  for (const { limit, enforce } of plan) {
    if (!enforce) continue;
    const hourly = limit.requests * Math.max(1, HOUR_MS / limit.windowMs);
    least = least === undefined ? hourly : Math.min(least, hourly);
  }
  return least;
}

/** Rounded up, so that keys which are nearly alike share one set of limits. */
function twoDigits(requests: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(requests)) - 1);
  return Math.ceil(requests / unit) * unit;
}
