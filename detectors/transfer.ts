/**
 * Catches more bytes going out than this key is used to: exfiltration, in one huge answer or in many large ones.
 *
 * Idea, one answer: excesses over the running 95 % quantile u of sizes follow a generalised Pareto law, fitted by
 * moments (ξ = ½(1 − ē²/v) in 0..0.4, σ = ē(1 − ξ)); p = 0.05·(1 + ξ(x − u)/σ)^(−1/ξ) of one answer, taken for an
 * hour of them. It must be a record by ×2 and s ≥ 6. Many: bytes decayed with half-lives of 5 minutes and an hour,
 * in units of the key's mean size (half-life 7 days), against as many requests as are expected, or as came where
 * that is more: what a rise of requests explains is volume-spike's to tell. NB tail whose size comes from the
 * variance of this key's sizes, calibrated by hourly maxima. A nightly export is a habit (baselines/spells.ts).
 * Algorithms.md §5.8, §9.
 * A key that begins to use a route of large answers looks the same, so less than fifty times the bytes is medium.
 * Fails: bytes that leave slower than three times the key's mean size; gateways that log no bytes.
 * Cost: five products and a logarithm an event, more while there is much; 58 bytes a subject.
 */
import { z } from 'zod';
import type { ApiEvent } from '../core/event.ts';
import type { Facts } from '../core/finding.ts';
import { gumbelScore, learnMaxima } from './baselines/gumbel.ts';
import { DECAYS } from './baselines/rate.ts';
import {
  endSpellHour,
  newsFrom,
  noteSpell,
  SPELLS_LAYOUT,
  TOLD_SCORE,
} from './baselines/spells.ts';
import { negativeBinomialTail, paretoTail } from './baselines/tails.ts';
import { agedAt, defineDetector, type Evidence, type Subject } from './detector.ts';
import type { StateOf } from './engine/layout.ts';
import { count, plural, rounded, size, span } from './words.ts';

/** Scales of the volume baseline: half-lives of 300 and 3600 s. */
const SCALES = [2, 3] as const;

const LAYOUT = {
  ...SPELLS_LAYOUT,
  /** Bytes and requests of the current hour, and of the hours before with a half-life of 7 days. */
  hourBytes: 'f32',
  hourRequests: 'f32',
  bytes: 'f32',
  requests: 'f32',
  /** Mean of (size / mean − 1)². */
  spread: 'f32',
  /** Running 95 % quantile of sizes, and the largest met, as thousandths of ln(bytes). */
  quantile: 'u16',
  record: 'u16',
  /** Mean and mean square of what exceeds the quantile. */
  excess: 'f32',
  excessSquare: 'f32',
  /** Decayed bytes by scale, as they stood at a second: refused requests move the key's own time, not them. */
  second: 'u32',
  recent: ['f32', SCALES.length],
  mu: ['f16', SCALES.length],
  beta: ['f16', SCALES.length],
  /** Largest exponent of the current hour. */
  worst: ['f16', SCALES.length],
} as const;
type State = StateOf<typeof LAYOUT>;

const config = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the detector runs.'),
  ratioMin: z.number().min(1).default(3).describe('Least ratio of bytes to the expected.'),
  bytesMin: z
    .number()
    .min(0)
    .default(50_000)
    .describe('Least bytes beyond the expected that many answers must bring.'),
  answerBytesMin: z
    .number()
    .min(0)
    .default(200_000)
    .describe('Least bytes of one answer that is judged by itself.'),
  requestsMin: z
    .int()
    .min(20)
    .default(100)
    .describe('Requests with a size that the key must have made.'),
});
type Config = z.infer<typeof config>;

const QUANTILE = 0.95;
/** Steps of the quantile, thousandths of ln: in balance when one of twenty lies above. */
const STEP_UP = 95;
const STEP_DOWN = 5;
/** One answer counts at most this many times the quantile among the many: a single one is judged by itself. */
const COUNTED_QUANTILES = 4;
const RECORD_RATIO = Math.log(2);
const HUGE_MIN = 6;
/** A key may get another route: what exceeds the quantile does so by as much as the quantile, at least. */
const EXCESS_QUANTILES_MIN = 1;
/** Until it is judged a key may show any size; later a record that was not told raises the next by 10 % at most. */
const RECORD_STEP = 95;
const SPREAD_KEEP = 1 / 500;
const SPREAD_MAX = 100;
/** Squared: the mix of routes changes from hour to hour, and a key may get another one. */
const WOBBLE = 0.15;
const EXCESS_MIN = 20;
/** Fewer requests are no habit that changed. */
const SEEN_MIN = 8;
const RATIO_WORTH_TESTING = 2;
/** A route that is new for the key explains up to so many times its bytes: medium at most, however unlikely. */
const OTHER_ROUTE_RATIO = 50;
const OTHER_ROUTE_MAX = 7.9;
const KEEP_PER_HOUR = 2 ** (-1 / 168);
/** What an f16 holds with room to spare. */
const WORST_MAX = 10_000;
const DAY_MS = 86_400_000;

/** Numbers of the score last computed; scale −1: one answer. */
const last = { scale: -1, seen: 0, expected: 0, requests: 0 };

function meanSize(state: State): number {
  return Math.max(1, (state.bytes + state.hourBytes) / (state.requests + state.hourRequests));
}

function ready(state: State, event: ApiEvent, subject: Subject, config: Config): boolean {
  return (
    state.requests + state.hourRequests >= config.requestsMin &&
    event.at - subject.firstAt >= DAY_MS
  );
}

/** An event asks for the same ones up to four times, and logarithms are most of what it costs here. */
const asked = { bytes: 0, thousandths: 0, quantile: 0, ofQuantile: 1 };

function thousandthsOf(bytes: number): number {
  if (bytes !== asked.bytes) {
    asked.bytes = bytes;
    asked.thousandths = Math.min(65_535, Math.round(1000 * Math.log(Math.max(1, bytes))));
  }
  return asked.thousandths;
}

function bytesOf(thousandths: number): number {
  if (thousandths !== asked.quantile) {
    asked.quantile = thousandths;
    asked.ofQuantile = Math.exp(thousandths / 1000);
  }
  return asked.ofQuantile;
}

/** Score of a single answer: surprising for an hour of this key's, and a record. */
function judgeOne(state: State, bytes: number, subject: Subject, config: Config): number {
  const quantile = bytesOf(state.quantile);
  if (bytes < config.answerBytesMin || bytes <= quantile) return 0;
  if (thousandthsOf(bytes) < state.record + 1000 * RECORD_RATIO) return 0;
  const mean = Math.max(state.excess, EXCESS_QUANTILES_MIN * quantile);
  const variance = state.excessSquare - state.excess * state.excess;
  const shape = variance > 0 ? 0.5 * (1 - (mean * mean) / variance) : 0;
  const tail = paretoTail(bytes - quantile, mean, shape) - Math.log10(1 - QUANTILE);
  if (tail < HUGE_MIN) return 0;
  return Math.max(0, tail - Math.log10(Math.max(1, subject.rate.base() * 3600)));
}

/** Score of the bytes of the last minutes and hours. */
function judgeMany(state: State, subject: Subject, config: Config): number {
  const { rate } = subject;
  const s = rate.state;
  const mean = meanSize(state);
  const known = state.requests + state.hourRequests;
  const news = newsFrom(state, Math.log(config.ratioMin));
  let best = 0;
  for (let w = 0; w < SCALES.length; w++) {
    const k = SCALES[w]!;
    const seen = s.y.get(k) + s.count;
    if (seen < SEEN_MIN) continue;
    const n = (2 * state.recent.get(w)) / mean;
    const m = 2 * Math.max(s.m.get(k) + rate.lambda, seen);
    if (n <= RATIO_WORTH_TESTING * m || n - m < EXCESS_MIN) continue;
    const wobble = state.spread / m + WOBBLE + (1 + state.spread) / known;
    const tail = negativeBinomialTail(n, m, 1 / wobble);
    if (tail > state.worst.get(w)) state.worst.set(w, Math.min(WORST_MAX, tail));
    if (n < config.ratioMin * m || ((n - m) / 2) * mean < config.bytesMin) continue;
    const ratio = Math.log(n / m);
    const most = n < OTHER_ROUTE_RATIO * m ? OTHER_ROUTE_MAX : Number.POSITIVE_INFINITY;
    const score = Math.min(most, gumbelScore(tail, state.mu.get(w), state.beta.get(w)));
    if (ratio < news || score >= TOLD_SCORE) noteSpell(state, ratio);
    if (ratio < news || score <= best) continue;
    best = score;
    last.scale = k;
    last.seen = state.recent.get(w);
    last.expected = (m / 2) * mean;
    last.requests = seen;
  }
  return best;
}

export const transfer = defineDetector<typeof LAYOUT, Config>({
  id: 'transfer',
  version: 1,
  family: 'content',
  summary: 'more bytes going out than usual',
  aloneMax: Number.POSITIVE_INFINITY,
  config,
  layout: LAYOUT,
  usesPlaces: false,
  needs: ['bytes'],
  seesFailures: false,

  init(state: State): void {
    state.spread = 1;
    state.mu.fill(1);
    state.beta.fill(0.6);
  },

  readyAt(subject: Subject, config: Config): number {
    return agedAt(subject, DAY_MS, config.requestsMin);
  },

  observe(state: State, event: ApiEvent, subject: Subject, config: Config): number {
    const passed = Math.max(0, subject.second - state.second);
    state.second = subject.second;
    const counted = countedBytes(state, event);
    for (let w = 0; w < SCALES.length; w++) {
      const decay = DECAYS[SCALES[w]!]!;
      const kept = state.recent.get(w) * decay.over(passed);
      state.recent.set(w, kept + counted * decay.over(subject.age));
    }
    if (event.bytesOut <= 0) return 0;
    if (!ready(state, event, subject, config)) return 0;
    const many = judgeMany(state, subject, config);
    const one = judgeOne(state, event.bytesOut, subject, config);
    if (one < many || one === 0) return many;
    last.scale = -1;
    return one;
  },

  describe(state: State, event: ApiEvent): Evidence {
    return last.scale < 0 ? describeOne(state, event) : describeMany(state, event);
  },

  learn(state: State, event: ApiEvent, subject: Subject, config: Config): void {
    if (event.bytesOut < 0) return;
    learnRecord(state, event, subject, config);
    const { weight } = subject;
    const bytes = countedBytes(state, event);
    const away = bytes / meanSize(state) - 1;
    if (state.hourRequests + state.requests > 0) {
      const square = Math.min(SPREAD_MAX, away * away);
      state.spread += SPREAD_KEEP * weight * (square - state.spread);
    }
    state.hourBytes += weight * bytes;
    state.hourRequests += weight;
    learnTail(state, event.bytesOut, weight);
  },

  learned(state: State): Facts {
    if (state.requests + state.hourRequests === 0) return {};
    return {
      bytesPerRequest: rounded(meanSize(state)),
      largestBytes: rounded(Math.exp(state.record / 1000)),
    };
  },

  hourEnded(state: State, subject: Subject, hour: { readonly weight: number }): void {
    learnMaxima(state.mu, state.beta, state.worst, subject.rate.ageHours, hour.weight);
    state.bytes = state.bytes * KEEP_PER_HOUR + state.hourBytes;
    state.requests = state.requests * KEEP_PER_HOUR + state.hourRequests;
    state.hourBytes = 0;
    state.hourRequests = 0;
    endSpellHour(state, subject.rate.state.hour);
  },
});

function countedBytes(state: State, event: ApiEvent): number {
  const bytes = Math.max(0, event.bytesOut);
  if (state.quantile === 0) return bytes;
  return Math.min(bytes, COUNTED_QUANTILES * bytesOf(state.quantile));
}

/** One answer that was told is the record from then on, whatever it was: its like is told once. */
function learnRecord(state: State, event: ApiEvent, subject: Subject, config: Config): void {
  const at = thousandthsOf(event.bytesOut);
  if (at <= state.record) return;
  if (
    ready(state, event, subject, config) &&
    judgeOne(state, event.bytesOut, subject, config) < TOLD_SCORE
  ) {
    state.record = Math.min(at, state.record + RECORD_STEP);
  } else state.record = at;
}

/** The quantile follows by bounded steps, forth and back, also under suspicion: it says what counts as one answer. */
function learnTail(state: State, bytes: number, weight: number): void {
  const at = thousandthsOf(bytes);
  if (state.quantile === 0) state.quantile = at;
  if (at <= state.quantile) {
    state.quantile = Math.max(1, state.quantile - STEP_DOWN);
    return;
  }
  const excess = bytes - bytesOf(state.quantile);
  state.quantile = Math.min(65_535, state.quantile + STEP_UP);
  if (weight < 1) return;
  // One of twenty gets here: a weight of 1/50 is worth a thousand requests.
  state.excess += (excess - state.excess) / 50;
  state.excessSquare += (excess * excess - state.excessSquare) / 50;
}

function describeOne(state: State, event: ApiEvent): Evidence {
  const largest = Math.exp(state.record / 1000);
  const quantile = bytesOf(state.quantile);
  return {
    fromAt: event.at,
    observed: { bytes: event.bytesOut },
    expected: { largestBytes: rounded(largest), oneInTwentyBytes: rounded(quantile) },
    why:
      `one answer of ${size(event.bytesOut)}; the largest before was ${size(largest)}, and only one ` +
      `in 20 of this key's is above ${size(quantile)}`,
    about: 'one answer',
    parts: [{ name: 'size of one answer', score: 1 }],
  };
}

function describeMany(state: State, event: ApiEvent): Evidence {
  const { scale, seen, expected, requests } = last;
  const { tau } = DECAYS[scale]!;
  const mean = meanSize(state);
  return {
    fromAt: event.at - Math.round(tau * 1000),
    observed: {
      bytes: rounded(seen),
      windowSeconds: rounded(tau),
      requests: rounded(requests),
      ratio: rounded(seen / expected),
    },
    expected: { bytes: rounded(expected), bytesPerRequest: rounded(mean) },
    why:
      `${size(seen)} in about ${span(tau)}, ${count(seen / expected)} times the expected ` +
      `${size(expected)}: about ${plural(Math.round(requests), 'request')} of ` +
      `${size(seen / Math.max(1, requests))} each, where this key's usually bring ${size(mean)}`,
    parts: [{ name: `bytes over ${span(tau)}`, score: 1 }],
  };
}
