/**
 * Hour-of-week profile: how this hour compares with the key's mean rate (algorithms.md §4).
 *
 * For each of the 168 hours of the UTC week it keeps the ratio of what came to what the mean rate would have
 * given, forgetting 20 % per weekly visit, as an 8-bit logarithm (1/12 octave, 2^-13.8..2^7.4, 0 = nothing).
 * It is rounded up or down by chance, drawn from the hour and the key, so that small changes add up instead
 * of being rounded away; the chance is a hash, the same in every run. The number of visits follows from the
 * key's age, so it takes no state. An hour little known borrows from the same hour of other days, and that
 * from the mean: κ = 20 expected events each.
 */
import { finish, mix32 } from '../../core/hash.ts';
import type { ArrayField } from '../engine/layout.ts';

export const HOURS_OF_WEEK = 168;
const KEEP_PER_VISIT = 0.8;
const KAPPA = 20;
const STEPS = 12;
const LOWEST = -13.8;
const CODES = 256;

const RATIOS = new Float64Array(CODES);
for (let code = 1; code < CODES; code++) RATIOS[code] = 2 ** ((code - 1) / STEPS + LOWEST);

/** Weight of v visits: 1 + 0.8 + 0.8² … */
const VISIT_WEIGHT = new Float64Array(64);
for (let v = 1; v < 64; v++) VISIT_WEIGHT[v] = 1 + KEEP_PER_VISIT * VISIT_WEIGHT[v - 1]!;

export function visitWeight(visits: number): number {
  return VISIT_WEIGHT[Math.min(visits, 63)]!;
}

/** `chance` in 0..1 decides between the two nearest codes. */
function encode(ratio: number, chance: number): number {
  if (!(ratio > 0)) return 0;
  const code = Math.floor((Math.log2(ratio) - LOWEST) * STEPS + chance) + 1;
  return Math.min(CODES - 1, Math.max(1, code));
}

/**
 * How often an hour of the week has been lived through whole, before absolute hour `hour`, by a key whose
 * first whole hour was `firstHour`. Hours are counted from the epoch.
 */
export function visitsOf(slot: number, hour: number, firstHour: number): number {
  const lastSlot = (hour - 1) % HOURS_OF_WEEK;
  const ago = lastSlot >= slot ? lastSlot - slot : lastSlot - slot + HOURS_OF_WEEK;
  const last = hour - 1 - ago;
  return last < firstHour ? 0 : (((last - firstHour) / HOURS_OF_WEEK) | 0) + 1;
}

/** Learned ratio of one hour of the week, as it stands (0 before its first visit). */
export function ratioOf(profile: ArrayField, slot: number): number {
  return RATIOS[profile.get(slot)]!;
}

/**
 * Expected rate of absolute hour `hour` relative to the key's mean rate. `meanPerHour`: events an hour at
 * the mean rate, which says how much an hour's own history is worth.
 */
export function multiplier(
  profile: ArrayField,
  hour: number,
  now: number,
  firstHour: number,
  meanPerHour: number,
): number {
  const slot = hour % HOURS_OF_WEEK;
  const lastSlot = (now - 1) % HOURS_OF_WEEK;
  let seen = 0;
  let weight = 0;
  let own = 0;
  for (let day = 0, x = slot % 24; day < 7; day++, x += 24) {
    // As visitsOf; an hour that was never lived through weighs nothing.
    const last = now - 1 - (lastSlot >= x ? lastSlot - x : lastSlot - x + HOURS_OF_WEEK);
    if (last < firstHour) continue;
    const e = meanPerHour * visitWeight((((last - firstHour) / HOURS_OF_WEEK) | 0) + 1);
    seen += RATIOS[profile.get(x)]! * e;
    weight += e;
    if (x === slot) own = e;
  }
  const ofDay = (seen + KAPPA) / (weight + KAPPA);
  return (RATIOS[profile.get(slot)]! * own + KAPPA * ofDay) / (own + KAPPA);
}

/**
 * The same from the hour's own visits alone, with one expected event of doubt: what silence is held against. What
 * an hour borrows from other days must not make a free Saturday look like a working day that fell silent. Infinite
 * before its second visit.
 */
export function ownMultiplier(
  profile: ArrayField,
  hour: number,
  now: number,
  firstHour: number,
  meanPerHour: number,
): number {
  const slot = hour % HOURS_OF_WEEK;
  const visits = visitsOf(slot, now, firstHour);
  if (visits < 2) return Number.POSITIVE_INFINITY;
  const own = meanPerHour * visitWeight(visits);
  return (RATIOS[profile.get(slot)]! * own + 1) / (own + 1);
}

/**
 * Learns a finished hour: `count` events where the mean rate would have given `meanPerHour`; `weight` below 1
 * for an hour under suspicion. `salt` is the key's own.
 */
export function learnHour(
  profile: ArrayField,
  hour: number,
  firstHour: number,
  count: number,
  meanPerHour: number,
  weight: number,
  salt: number,
): void {
  if (!(meanPerHour > 0)) return;
  const slot = hour % HOURS_OF_WEEK;
  const before = KEEP_PER_VISIT * visitWeight(visitsOf(slot, hour, firstHour));
  const learned = before * RATIOS[profile.get(slot)]! + (weight * count) / meanPerHour;
  const ratio = learned / Math.max(1, before + weight);
  profile.set(slot, encode(ratio, finish(mix32(salt, hour)) / 2 ** 32));
}
