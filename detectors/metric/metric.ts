/**
 * The metric baseline: how unusual is a value after all those before it? For any series of (time, value):
 * irregular, with gaps, negative, constant. Causal: nothing of a file's future, length or range.
 */
import { createMean, learnMean } from './mean.ts';
import { beyond, createRange, learnRange } from './range.ts';
import { createRarity, learnRarity, rarityOf } from './rarity.ts';

/** A score of at least this is an alarm. */
export const ALARM_AT = 3;
export const SCORE_MAX = 300;

export interface Metric {
  /** 0..300; undefined when time or value is NaN: such a point is neither judged nor learned. */
  score(atMs: number, value: number): number | undefined;
}

const HOUR_MS = 3_600_000;
const HOURS = 24;
/** Points after which anything is judged. */
const YOUNG = 20;
const KEEP_EMITTED = 2 ** (-1 / 100);

export function createMetric(): Metric {
  const short = createMean(20);
  const middle = createMean(400);
  const long = createMean(2000);
  const hours = Array.from({ length: HOURS }, () => createMean(300));
  const ranges = [createRange(), createRange(), createRange()];
  const rarity = createRarity();
  const scale = createMean(2000);
  let seen = 0;
  let emitted = 0;
  return {
    score: (atMs, value) => {
      if (Number.isNaN(atMs) || Number.isNaN(value)) return undefined;
      const hour = hours[Math.floor(atMs / HOUR_MS) % HOURS]!;
      const usual = long.value + (hour.seen / (hour.seen + 5)) * hour.value;
      const features = [value, value - short.value, value - usual];
      const deviation = scale.value > 0 ? (value - middle.value) / scale.value : 0;
      let score = 0;
      if (seen >= YOUNG) {
        const farthest = Math.max(...features.map((x, i) => beyond(ranges[i]!, x)));
        score = Math.max(3 + Math.log10(farthest / 0.05), rarityOf(rarity, deviation) - 0.35, 0);
      }
      features.forEach((x, i) => {
        if (seen > 0 || i === 0) learnRange(ranges[i]!, x);
      });
      if (seen > 0) {
        if (scale.value > 0) learnRarity(rarity, deviation);
        const size = Math.abs(value - middle.value);
        learnMean(scale, scale.value > 0 ? Math.min(size, 5 * scale.value) : size);
      }
      learnMean(hour, value - long.value);
      for (const mean of [short, middle, long]) learnMean(mean, value);
      seen++;
      emitted *= KEEP_EMITTED;
      if (score <= emitted) return 0;
      emitted = score;
      return Math.min(SCORE_MAX, score);
    },
  };
}
