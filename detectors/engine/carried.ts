/**
 * Which parts of a record a key's use has carried lately, a bit each: what no record has, no detector can watch.
 */
import type { ApiEvent } from '../../core/event.ts';

/** What a detector may need, in order of the bits. */
export const NEEDS = ['address', 'place', 'status', 'duration', 'bytes', 'agent', 'path'] as const;
export type Need = (typeof NEEDS)[number];

/** What is said of a key whose records lack it. */
export const LACKS: Readonly<Record<Need, string>> = {
  address: 'no client address in its records',
  place: 'no client address that can be placed',
  status: 'no status in its records',
  duration: 'no duration in its records',
  bytes: 'no bytes in its records',
  agent: 'no user agent in its records',
  path: 'no path in its records',
};

export const ALL_CARRIED = (1 << NEEDS.length) - 1;

export function carriedBy(event: ApiEvent): number {
  return (
    (event.network !== 0 ? 1 : 0) |
    (event.place.countryCode !== 0 ? 2 : 0) |
    (event.status > 0 ? 4 : 0) |
    (event.durationMs >= 0 ? 8 : 0) |
    (event.bytesOut >= 0 ? 16 : 0) |
    (event.client.code !== 0 ? 32 : 0) |
    (event.route.code !== 0 ? 64 : 0)
  );
}

/** The first of these that is not among the bits. */
export function lacking(carried: number, needs: readonly Need[]): Need | undefined {
  return needs.find((need) => (carried & (1 << NEEDS.indexOf(need))) === 0);
}
