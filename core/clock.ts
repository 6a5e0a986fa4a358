/** Wall clock, injected where it may be read at all. Detectors never get one (design.md §4.3). */
export interface Clock {
  /** Epoch ms. */
  now(): number;
}
export const systemClock: Clock = Object.freeze({ now: () => Date.now() });

/** RFC 3339 UTC with milliseconds. */
export function toIso(at: number): string {
  return new Date(at).toISOString();
}
export function toIsoOrNull(at: number | undefined): string | null {
  return at === undefined ? null : toIso(at);
}
