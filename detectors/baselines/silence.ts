/**
 * Looks ahead from a key's last event as if none followed: when would its silence be remarkable?
 *
 * Works on copies: absence is judged without writing to the baseline, so that judging at the watermark and
 * judging just before the key's next event come out the same (algorithms.md §9, Evaluation and Drop).
 */
import { DECAYS, type RateBaseline } from './rate.ts';
import { SCALES } from './rate-state.ts';
import { negativeBinomialTail } from './tails.ts';

const HOUR = 3600;
const QUARTER = 900;
/** Least expected count, in units of 2m, for a scale to be judged; the 30-s scale asks for more. */
const EXPECTED_MIN = 14;
const EXPECTED_MIN_SHORT = 20;
const SHORT_SCALE = 1;
/** The 6-hour scale is for keys slower than this, events a second. */
const SLOW_RATE = 0.01;
const FIRST_SCALE = 1;
/**
 * A longer silence is not searched: every hour of the week has passed by then. Also a bound on what one event
 * from a wrong clock may cost, and more than the watermark looks at (LOOK_UNTIL_MS and a look ahead).
 */
const SEARCH_SECONDS = 8 * 24 * HOUR;

/** A lower tail: at which scale, how strong, and the two counts (in units of 2y, 2m). */
export interface Shortfall {
  score: number;
  scale: number;
  seen: number;
  expected: number;
}

/** The strongest shortfall as the counters stand at the baseline's current second. */
export function shortfallNow(rate: RateBaseline, out: Shortfall): number {
  const s = rate.state;
  out.score = 0;
  for (let k = FIRST_SCALE; k < SCALES.length; k++) {
    judge(rate, k, s.y.get(k) + s.count, s.mMin.get(k - FIRST_SCALE), out);
  }
  return out.score;
}

function judge(rate: RateBaseline, k: number, y: number, mMin: number, out: Shortfall): void {
  const n = 2 * y;
  const m = 2 * mMin;
  if (n >= m || m < (k === SHORT_SCALE ? EXPECTED_MIN_SHORT : EXPECTED_MIN)) return;
  if (k === SCALES.length - 1 && rate.base() > SLOW_RATE) return;
  const score = negativeBinomialTail(n, m, 1 / rate.inverseSize(k, m));
  if (score <= out.score) return;
  out.score = score;
  out.scale = k;
  out.seen = n;
  out.expected = m;
}

/** Reused by every search; holds counters of the instant looked at. */
const y = new Float64Array(SCALES.length);
const m = new Float64Array(SCALES.length);

/**
 * First second in (last event, until] at which silence since the last event reaches `threshold`, or -1; at most
 * eight days are looked at. `out` then holds the shortfall of that second. O(quarter hours looked at).
 */
export function findSilence(
  rate: RateBaseline,
  until: number,
  threshold: number,
  out: Shortfall,
): number {
  const s = rate.state;
  for (let k = 0; k < SCALES.length; k++) {
    y[k] = s.y.get(k) + s.count;
    m[k] = k < FIRST_SCALE ? 0 : s.mMin.get(k - FIRST_SCALE);
  }
  const mean = rate.base() * Math.min(1, rate.level());
  let at = s.second;
  let hour = Number.NaN;
  const stop = Math.min(until, at + SEARCH_SECONDS);
  while (at < stop) {
    const now = Math.floor(at / HOUR);
    if (now !== hour) {
      near[0] = now === hour + 1 ? near[1]! : rate.leastMultiplierAt(now - 1);
      near[1] = now === hour + 1 ? near[2]! : rate.leastMultiplierAt(now);
      near[2] = rate.leastMultiplierAt(now + 1);
      hour = now;
    }
    const exception = rate.exceptions.at(at);
    const end = Math.min((Math.floor(at / QUARTER) + 1) * QUARTER, exception.until);
    // By the whole quarter: what is found must not depend on how far is looked.
    const least = exception.isQuiet ? 0 : leastMultiplier((at + (end - at) / 2) / HOUR - hour);
    const lambda = mean * least;
    const span = Math.min(stop, end) - at;
    if (scoreAfter(rate, span, lambda, out) >= threshold) {
      let low = 0;
      let high = span;
      while (high - low > 1) {
        const middle = (low + high) >>> 1;
        if (scoreAfter(rate, middle, lambda, out) >= threshold) high = middle;
        else low = middle;
      }
      scoreAfter(rate, high, lambda, out);
      return at + high;
    }
    step(end - at, lambda);
    at = end;
  }
  return -1;
}

/** Least multipliers of the hour before, the hour looked at, and the next. */
const near = new Float64Array(3);

function step(span: number, lambda: number): void {
  for (let k = 0; k < SCALES.length; k++) {
    const d = DECAYS[k]!.over(span);
    y[k] = y[k]! * d;
    m[k] = m[k]! * d + lambda * DECAYS[k]!.tau * (1 - d);
  }
}

function scoreAfter(rate: RateBaseline, span: number, lambda: number, out: Shortfall): number {
  out.score = 0;
  for (let k = FIRST_SCALE; k < SCALES.length; k++) {
    const d = DECAYS[k]!.over(span);
    judge(rate, k, y[k]! * d, m[k]! * d + lambda * DECAYS[k]!.tau * (1 - d), out);
  }
  return out.score;
}

/** The lesser of this hour's and the near neighbour's multiplier: an edge may be half an hour away (rate.ts). */
function leastMultiplier(f: number): number {
  return Math.min(near[1]!, f < 0.5 ? near[0]! : near[2]!);
}
