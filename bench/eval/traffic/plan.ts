/**
 * How much is measured, with which seeds.
 *
 * Detectors are tuned while looking at the tuning seed. The acceptance seed makes other keys, other noise and other
 * instants; it is looked at when tuning is over, and its figures are those that docs/detection.md reports.
 */
import type { ClocksTask, FleetTask } from './fleets.ts';
import type { PoisoningTask } from './poisoning.ts';
import type { QuietTask } from './quiet.ts';
import { ALL_CLASSES, type TriesTask } from './tries.ts';

export const SEEDS = { tuning: 1000, acceptance: 77_000 } as const;
export type SeedName = keyof typeof SEEDS;

export type Task = QuietTask | TriesTask | FleetTask | ClocksTask | PoisoningTask;

/** [requests per second, keys of each class, measured months]: 432 key-months at six rates. */
const QUIET = [
  [5, 1, 0.5],
  [1, 2, 1],
  [0.2, 5, 2],
  [0.05, 10, 2],
  [0.02, 12, 2],
  [0.005, 15, 2],
] as const;
const QUIET_QUICK = [
  [0.05, 1, 1],
  [0.02, 2, 1],
  [0.005, 4, 1],
] as const;
/** [requests per second, keys of each class, instants]. */
const TRIES = [
  [1, 3, 6],
  [0.2, 3, 8],
  [0.02, 3, 8],
] as const;
const TRIES_QUICK = [
  [0.2, 1, 2],
  [0.02, 1, 2],
] as const;
const GROWTHS = [0.05, 0.2] as const;

/** Long ones first, so that none is waited for in the end. */
export function tasksOf(seed: number, quick: boolean): Task[] {
  const quiet = quick ? QUIET_QUICK : QUIET;
  const tries = quick ? TRIES_QUICK : TRIES;
  const rates = { min: 0.005, max: quick ? 0.03 : 0.1 };
  return [
    ...quiet.map(
      ([rate, keysPerClass, months], i): Task => ({
        kind: 'quiet',
        seed: seed + i,
        rate,
        keysPerClass,
        months,
      }),
    ),
    ...tries.map(
      ([rate, keysPerClass, instants], i): Task => ({
        kind: 'tries',
        seed: seed + 100 + i,
        rate,
        classes: ALL_CLASSES,
        keysPerClass,
        instants,
      }),
    ),
    { kind: 'fleet', seed: seed + 200, keys: quick ? 60 : 120, rates },
    { kind: 'clocks', seed: seed + 300, keys: quick ? 20 : 60, rates },
    ...GROWTHS.flatMap((growthPerDay, i) =>
      [false, true].map(
        (isAnyHour): Task => ({
          kind: 'poisoning',
          seed: seed + 400 + 200 * i,
          rate: 0.01,
          keys: quick ? 10 : 200,
          growthPerDay,
          isAnyHour,
          multipleMax: POISONED_BEFORE[growthPerDay],
        }),
      ),
    ),
  ];
}

/** Multiples of the traffic before which growth of that much a day is to be seen. */
export const POISONED_BEFORE = { 0.05: 6, 0.2: 8 } as const;
