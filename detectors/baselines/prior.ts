/**
 * What the peers of a key are like: the keys of its consumer, else of its plan, else all keys. A new key starts
 * from it, so that it is guarded from the first minute against what no such key ever does (algorithms.md §9,
 * cold start). A prior is made from a closed day and in force from the second day after it (design.md §4.3).
 */
import type { RecordedPrior } from '../../core/finding.ts';

/** Distinct pairs of method and route in the first minute of a key, until a prior has measured it. */
const ROUTES_PER_MINUTE = 3;
/** Rate of a key nobody knows anything about, per second. */
const RATE = 0.1;
/** Of a country that no peer was seen in: −log10 of it is the most that a share may add. */
export const COUNTRY_SHARE_MIN = 0.01;
/** Without a prior every country adds 1. */
const COUNTRY_SHARE_UNKNOWN = 0.1;

export interface Prior {
  /** Day it was made of and whose keys it speaks of, e.g. `2026-03-02 consumer`; '' where there is none. */
  readonly version: string;
  /** Median over the peers, requests per second. */
  readonly rate: number;
  /** Median over the peers of distinct (method, route) in the first minute of their lives. */
  readonly routesPerMinute: number;
  /** Share of the peers that are used from a country (a stable code), 0.01..1; 0.1 without a prior. */
  countryShare(code: number): number;
}

export const NO_PRIOR: Prior = Object.freeze({
  version: '',
  rate: RATE,
  routesPerMinute: ROUTES_PER_MINUTE,
  countryShare: () => COUNTRY_SHARE_UNKNOWN,
});

export function priorOf(facts: RecordedPrior): Prior {
  const used = new Map(facts.countries);
  return {
    version: facts.version,
    rate: facts.rate,
    routesPerMinute: facts.routesPerMinute > 0 ? facts.routesPerMinute : ROUTES_PER_MINUTE,
    countryShare: (code) =>
      Math.max(COUNTRY_SHARE_MIN, ((used.get(code) ?? 0) + 0.5) / (facts.keys + 1)),
  };
}
