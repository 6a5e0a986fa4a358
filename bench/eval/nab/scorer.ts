/**
 * NAB's own scoring, written anew after nab/sweeper.py of numenta/NAB 1.1.
 *
 * The first 15 % of a file (750 points at most) are not judged. An alarm inside a labelled window earns
 * up to 1, the more the earlier (a scaled sigmoid); only the best alarm of a window counts, and a window
 * without one costs the profile's `fnWeight`. An alarm outside costs up to `fpWeight`: nothing right
 * behind a window, all of it from three windows' lengths on. The sum over all files is normalised so that
 * a detector that never alarms has 0 and a perfect one 100.
 */

export interface Profile {
  readonly name: string;
  readonly tpWeight: number;
  readonly fnWeight: number;
  readonly fpWeight: number;
}

/** A file with the scores of a detector. Times in epoch ms, windows as pairs of times that the file has. */
export interface ScoredFile {
  readonly name: string;
  readonly times: ArrayLike<number>;
  readonly scores: ArrayLike<number>;
  readonly windows: readonly (readonly [fromAt: number, toAt: number])[];
}

/** The points of a file that are judged. */
export interface Judged {
  readonly scores: Float64Array;
  /** What an alarm at this point is worth before weights: (0, 1] in a window, [−1, 0) outside. */
  readonly worth: Float64Array;
  /** Index among the file's windows, −1 outside. */
  readonly window: Int32Array;
  readonly windows: number;
}

export interface Swept {
  /** The alarms are the points that score at least this; Infinity: none. */
  readonly threshold: number;
  /** Not normalised. */
  readonly score: number;
}

const PROBATION_SHARE = 0.15;
const PROBATION_ROWS = 5000;
const FAR_BEHIND = 3;

/** 0.987 at −1 (the window's left edge), 0 at its right edge, −1 far behind it. */
export function scaledSigmoid(position: number): number {
  return position > FAR_BEHIND ? -1 : 2 / (1 + Math.exp(5 * position)) - 1;
}

const WORTH_MAX = scaledSigmoid(-1);

/** Points that are not judged, of a file of so many rows. */
export function probation(rows: number): number {
  return Math.min(Math.floor(PROBATION_SHARE * rows), PROBATION_SHARE * PROBATION_ROWS);
}

export function judge(file: ScoredFile): Judged {
  const rows = file.times.length;
  const from = Math.ceil(probation(rows));
  const worth = new Float64Array(rows);
  const window = new Int32Array(rows).fill(-1);
  let next = 0;
  let right = -1;
  let width = 0;
  for (let i = 0; i < rows; i++) {
    if (right < i && file.times[i] === file.windows[next]?.[0]) {
      const to = firstIndex(file, file.windows[next]![1], i);
      width = to - i + 1;
      right = to;
      next++;
    }
    if (right >= i) {
      window[i] = next - 1;
      worth[i] = scaledSigmoid(-(right - i + 1) / width) / WORTH_MAX;
    } else {
      worth[i] = next === 0 ? -1 : scaledSigmoid((i - right) / (width - 1));
    }
  }
  return {
    scores: Float64Array.from({ length: rows - from }, (_, i) => file.scores[from + i]!),
    worth: worth.subarray(from),
    window: window.subarray(from),
    windows: file.windows.length,
  };
}

function firstIndex(file: ScoredFile, at: number, from: number): number {
  for (let i = from; i < file.times.length; i++) if (file.times[i] === at) return i;
  throw new Error(`${file.name}: a window ends at a time that the file does not have`);
}

/** The score of these files with one threshold. */
export function scoreAt(files: readonly Judged[], profile: Profile, threshold: number): number {
  let total = 0;
  for (const file of files) {
    const best = new Float64Array(file.windows).fill(-profile.fnWeight);
    for (let i = 0; i < file.scores.length; i++) {
      if (!(file.scores[i]! >= threshold)) continue;
      const window = file.window[i]!;
      if (window < 0) total += file.worth[i]! * profile.fpWeight;
      else best[window] = Math.max(best[window]!, file.worth[i]! * profile.tpWeight);
    }
    for (const value of best) total += value;
  }
  return total;
}

/** The threshold that suits these files best, as the official optimizer chooses it: the highest such. */
export function bestThreshold(files: readonly Judged[], profile: Profile): Swept {
  const points = pointsByScore(files);
  const best = new Float64Array(points.windows).fill(-profile.fnWeight);
  let score = -profile.fnWeight * points.windows;
  let found: Swept = { threshold: Infinity, score };
  points.order.forEach((point, rank) => {
    const worth = points.worth[point]!;
    const window = points.window[point]!;
    if (window < 0) score += worth * profile.fpWeight;
    else if (worth * profile.tpWeight > best[window]!) {
      score += worth * profile.tpWeight - best[window]!;
      best[window] = worth * profile.tpWeight;
    }
    const threshold = points.scores[point]!;
    const following = points.order[rank + 1];
    const last = following === undefined || points.scores[following]! !== threshold;
    if (last && score > found.score) found = { threshold, score };
  });
  return found;
}

function pointsByScore(files: readonly Judged[]) {
  const count = files.reduce((sum, { scores }) => sum + scores.length, 0);
  const scores = new Float64Array(count);
  const worth = new Float64Array(count);
  const window = new Int32Array(count);
  let windows = 0;
  let at = 0;
  for (const file of files) {
    scores.set(file.scores, at);
    worth.set(file.worth, at);
    for (let i = 0; i < file.window.length; i++) {
      window[at + i] = file.window[i]! < 0 ? -1 : windows + file.window[i]!;
    }
    at += file.scores.length;
    windows += file.windows;
  }
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  order.sort((a, b) => scores[b]! - scores[a]!);
  return { scores, worth, window, windows, order };
}

/** 0: never alarms; 100: every window found at once, and nothing else. */
export function normalised(score: number, windows: number, profile: Profile): number {
  const nothing = -profile.fnWeight * windows;
  return (100 * (score - nothing)) / (profile.tpWeight * windows - nothing);
}
