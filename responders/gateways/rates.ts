/** Rates of gateways that know only a few, fixed ones. */
import type { RateLimit } from '../../core/ladder.ts';

export interface NamedRate {
  readonly name: string;
  readonly perMinute: number;
}

/** The highest rate that is no laxer than the limit; the lowest where all are, or without one. */
export function nearestRate<R extends { readonly perMinute: number }>(
  rates: readonly R[],
  limit: RateLimit | undefined,
): R | undefined {
  const rising = [...rates].sort((a, b) => a.perMinute - b.perMinute);
  if (limit === undefined) return rising[0];
  const perMinute = (limit.requests / limit.windowMs) * 60_000;
  return rising.findLast((rate) => rate.perMinute <= perMinute) ?? rising[0];
}

export function rateText({ name, perMinute }: NamedRate): string {
  return `${name}: ${perMinute} a minute`;
}
