/** What is usual at an hour of day (UTC): the level of some days, and the hour's own offset from it. */
import { createMean, learnMean, type Mean } from './mean.ts';

export interface Season {
  seen: number;
  readonly level: Mean;
  readonly offsets: readonly Mean[];
}

const DAY_MS = 86_400_000;
const HOURS = 24;
const SLOW_MS = 1_800_000;
const LEVEL_DAYS = 3;
const OFFSET_DAYS = 5;

export function createSeason(): Season {
  return { seen: 0, level: createMean(), offsets: Array.from({ length: HOURS }, createMean) };
}

/** NaN on the first day, and where an hour has a single point: nobody knows. */
export function usualAt(season: Season, hour: number, intervalMs: number): number {
  if (season.seen <= DAY_MS / intervalMs || intervalMs > SLOW_MS) return Number.NaN;
  return season.level.value + season.offsets[hour]!.value;
}

export function learnSeason(season: Season, value: number, hour: number, intervalMs: number): void {
  const pointsADay = DAY_MS / intervalMs;
  const offsetPoints = Math.max(1, (OFFSET_DAYS * pointsADay) / HOURS);
  learnMean(season.level, value, Math.max(1, LEVEL_DAYS * pointsADay));
  learnMean(season.offsets[hour]!, value - season.level.value, offsetPoints);
  season.seen++;
}
