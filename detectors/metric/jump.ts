/**
 * Leaps away from the recent level, whatever the series did long ago.
 *
 * Three deviations are taken: from the level of the last five points, from that of the last thirty, and
 * beyond the last two values. Each is measured by its own usual size over about a hundred points (clipped,
 * so that a leap does not blind it; with a floor of 8 % of what the series is about; adapted to the hour of
 * day) and becomes a surprise. A leap to what is usual at this hour of day is measured smaller. The jump is
 * the mean of the three: they must agree, so the return from a spike, odd by the last values only, is none.
 * After a jump only a larger one is told, until that fades (half-life three hours).
 * In a series that leaps more often than about three times a day each leap is told by so much less, whatever its
 * noise is like: alarms that come all day hide the one that matters.
 */
import { density } from './interval.ts';
import { createMean, learnMean, type Mean } from './mean.ts';
import { createSeason, learnSeason, type Season, usualAt } from './season.ts';
import { createSurprise, learnSurprise, type Surprise, surpriseOf } from './surprise.ts';

export interface Jump {
  seen: number;
  previous: number;
  beforePrevious: number;
  readonly levels: readonly Mean[];
  readonly scales: readonly Mean[];
  readonly surprises: readonly Surprise[];
  /** Usual deviation from the short level, by hour of day (UTC). */
  readonly hours: readonly Mean[];
  readonly season: Season;
  /** What the series is about: mean of |value|. */
  readonly size: Mean;
  told: number;
  /** Leaps of at least the limit, fading by half in a day. */
  leaps: number;
  /** 1 at the first point, fading alike: the share of that day that has not been seen yet. */
  unseen: number;
}

const LEVEL_POINTS = [5, 1 / 0.03];
const DEVIATIONS = LEVEL_POINTS.length + 1;
const SCALE_POINTS = 100;
const HOUR_POINTS = 20;
const SIZE_POINTS = 200;
const FLOOR = 0.08;
/** In usual deviations: a larger one is learned as one of this size. */
const CLIP = 4;
/** Points before the clip holds, and before anything is told. */
const UNCLIPPED = 6;
const HOUR_UNCLIPPED = 30;
const YOUNG = 12;
/** How often an hour of day must have been seen before it says anything. */
const HOUR_LEAST = 3;
const LAW_DAYS = 8;
const DAY_MS = 86_400_000;
const TOLD_HALF_LIFE_MS = 3 * 3_600_000;
const LEAPS_HALF_LIFE_MS = DAY_MS;
/** As many leaps, fading, are no habit: 2.8 a day for days. */
const LEAPS_FREE = 4;
/** In the first hours one leap is no pace yet: at least so much of the fading day counts as seen. */
const SEEN_LEAST = 0.1;
/** In usual deviations: beyond it all are alike. */
const SIZE_MAX = 1e6;
const NEWNESS_LEAST = 0.1;

export function createJump(): Jump {
  return {
    seen: 0,
    previous: 0,
    beforePrevious: 0,
    levels: LEVEL_POINTS.map(createMean),
    scales: Array.from({ length: DEVIATIONS }, createMean),
    surprises: Array.from({ length: DEVIATIONS }, createSurprise),
    hours: Array.from({ length: 24 }, createMean),
    season: createSeason(),
    size: createMean(),
    told: 0,
    leaps: 0,
    unseen: 1,
  };
}

/**
 * Scores, then learns. `passedMs` since the point before; `hour` of day 0..23; `limit` is what makes an alarm.
 * 0: nothing to tell.
 */
export function scoreJump(
  jump: Jump,
  value: number,
  hour: number,
  passedMs: number,
  intervalMs: number,
  limit: number,
): number {
  const surprise = jump.seen === 0 ? 0 : surpriseAt(jump, value, hour, intervalMs);
  const judged = jump.seen >= YOUNG ? surprise : 0;
  learnLevels(jump, value, intervalMs);
  learnSeason(jump.season, value, hour, intervalMs);
  const passed = Math.max(0, passedMs);
  jump.told *= 2 ** (-passed / TOLD_HALF_LIFE_MS);
  const fading = 2 ** (-passed / LEAPS_HALF_LIFE_MS);
  jump.leaps *= fading;
  jump.unseen *= fading;
  if (judged <= jump.told) return 0;
  jump.told = judged;
  const usual = habit(jump);
  if (judged >= limit) jump.leaps++;
  return Math.max(0, judged - usual);
}

/** Logarithm of how many times as often as three a day the series leaps; 0 up to that. */
function habit({ leaps, unseen }: Jump): number {
  return Math.log10(Math.max(1, leaps / Math.max(SEEN_LEAST, 1 - unseen) / LEAPS_FREE));
}

/** The mean surprise; learns the sizes of the deviations. */
function surpriseAt(jump: Jump, value: number, hour: number, intervalMs: number): number {
  const deviations = deviationsOf(jump, density(intervalMs) > 1 ? sustained(jump, value) : value);
  const floor = FLOOR * jump.size.value;
  const units = unitsOf(jump, hour, floor);
  const usual = usualAt(jump.season, hour, intervalMs);
  const lawPoints = (LAW_DAYS * DAY_MS) / intervalMs;
  let sum = 0;
  jump.surprises.forEach((surprise, i) => {
    const deviation = deviations[i]!;
    const size = (Math.abs(deviation) * newness(deviation, value - usual)) / units[i]!;
    const bounded = deviation === 0 ? 0 : Math.min(SIZE_MAX, size);
    sum += surpriseOf(surprise, bounded, lawPoints);
    learnSurprise(surprise, bounded);
  });
  learnSizes(jump, deviations.map(Math.abs), hour, floor);
  return sum / DEVIATIONS;
}

/**
 * In a series of less than five minutes a single low row is a sample that got lost more often than an event:
 * a fall is judged by the higher of two rows, so one row later.
 */
function sustained(jump: Jump, value: number): number {
  const level = jump.levels[0]!.value;
  return value < level ? Math.min(level, Math.max(value, jump.previous)) : value;
}

/** Beyond the last two values last: the first is the one that the hours are about. */
function deviationsOf(jump: Jump, value: number): number[] {
  const high = Math.max(jump.previous, jump.beforePrevious);
  const low = Math.min(jump.previous, jump.beforePrevious);
  return [
    ...jump.levels.map((level) => value - level.value),
    Math.max(0, value - high) + Math.min(0, value - low),
  ];
}

/** 1: also away from what is usual at this hour, or nobody knows (NaN); less: towards it. */
function newness(deviation: number, fromUsual: number): number {
  if (deviation === 0 || Number.isNaN(fromUsual)) return 1;
  return Math.sqrt(Math.min(1, Math.max(NEWNESS_LEAST, fromUsual / deviation)));
}

function unitsOf(jump: Jump, hour: number, floor: number): number[] {
  const ofHour = jump.hours[hour]!;
  const usual = jump.scales[0]!.value;
  const ratio = ofHour.seen >= HOUR_LEAST && usual > 0 ? ofHour.value / usual : 1;
  // Half of what the hour says (in logarithms), from half to four times the usual.
  const factor = Math.sqrt(Math.min(16, Math.max(0.25, ratio)));
  return jump.scales.map((scale) => scale.value * factor + floor);
}

function learnSizes(jump: Jump, sizes: readonly number[], hour: number, floor: number): void {
  const usual = jump.scales[0]!.value;
  sizes.forEach((size, i) => {
    const scale = jump.scales[i]!;
    const most = jump.seen >= UNCLIPPED ? CLIP * (scale.value + floor) : Number.POSITIVE_INFINITY;
    learnMean(scale, Math.min(size, most), SCALE_POINTS);
  });
  const most = jump.seen >= HOUR_UNCLIPPED ? CLIP * (usual + floor) : Number.POSITIVE_INFINITY;
  learnMean(jump.hours[hour]!, Math.min(sizes[0]!, most), HOUR_POINTS);
}

function learnLevels(jump: Jump, value: number, intervalMs: number): void {
  const longer = Math.sqrt(density(intervalMs));
  jump.beforePrevious = jump.seen === 0 ? value : jump.previous;
  jump.previous = value;
  jump.levels.forEach((level, i) => {
    learnMean(level, value, LEVEL_POINTS[i]! * longer);
  });
  learnMean(jump.size, Math.abs(value), SIZE_POINTS);
  jump.seen++;
}
