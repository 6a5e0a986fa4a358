/**
 * Episodes of labelled series: a run of labelled rows is one episode, found when there is an alarm among
 * them. Every alarm outside is false, each for itself even where they stand side by side: no run of alarms
 * hides behind being one.
 */

export interface Stretch {
  readonly scores: ArrayLike<number>;
  readonly labels: ArrayLike<number>;
  readonly days: number;
}

export interface Tally {
  /** Highest score of each episode. */
  readonly episodes: readonly number[];
  /** Scores outside, falling. */
  readonly outside: readonly number[];
  readonly days: number;
}

export interface Outcome {
  readonly episodes: number;
  readonly found: number;
  readonly falseAlarms: number;
  /** NaN without episodes, or without alarms. */
  readonly recall: number;
  readonly precision: number;
  readonly falsePerDay: number;
  readonly threshold: number;
}

export function tally(stretches: readonly Stretch[]): Tally {
  const episodes: number[] = [];
  const outside: number[] = [];
  let days = 0;
  for (const stretch of stretches) {
    days += stretch.days;
    for (let i = 0; i < stretch.scores.length; i++) {
      const score = stretch.scores[i]!;
      if (stretch.labels[i] !== 1) {
        // What scores nothing never is an alarm, whatever the threshold.
        if (score > 0) outside.push(score);
      } else if (i > 0 && stretch.labels[i - 1] === 1) {
        episodes.push(Math.max(episodes.pop()!, score));
      } else {
        episodes.push(score);
      }
    }
  }
  return { episodes, outside: outside.sort((a, b) => b - a), days };
}

/** An alarm is a score of at least `threshold`. */
export function outcomeAt({ episodes, outside, days }: Tally, threshold: number): Outcome {
  const found = episodes.filter((score) => score >= threshold).length;
  const falseAlarms = outside.filter((score) => score >= threshold).length;
  return {
    episodes: episodes.length,
    found,
    falseAlarms,
    recall: found / episodes.length,
    precision: found / (found + falseAlarms),
    falsePerDay: falseAlarms / days,
    threshold,
  };
}

/** With the lowest threshold at which there are at most so many false alarms a day of a series. */
export function outcomeWithin(sums: Tally, falsePerDay: number): Outcome {
  const allowed = Math.floor(falsePerDay * sums.days);
  const first = sums.outside[allowed] ?? 0;
  const above = [...sums.outside, ...sums.episodes].filter((score) => score > first);
  return outcomeAt(sums, above.length === 0 ? Number.POSITIVE_INFINITY : least(above));
}

function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b));
}
