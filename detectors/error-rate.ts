/**
 * Catches errors out of proportion for this key: 401/403, 429, other 4xx, 5xx, each by itself.
 *
 * Idea: decayed error shares over the last 8, 64 and 512 requests against the key's own share over 2,000,
 * by a beta-binomial tail (Kullback–Leibler exponent times the effective number of requests, which shrinks
 * with the over-dispersion ρ of this key's errors), calibrated by hourly maxima. Algorithms.md §5.3, §9.
 * Fails: a rise of 5xx that all keys share is the server's doing, so 5xx stays low; wildly bursty errors.
 * A claimed failure (401) of a known key moves the recent window only: it is never learned.
 * Cost: an error costs three powers and six logarithms, a success nothing; 144 bytes a subject.
 */
import { z } from 'zod';
import type { ApiEvent } from '../core/event.ts';
import { gumbelScore, learnMaxima } from './baselines/gumbel.ts';
import { bernoulliDivergence } from './baselines/tails.ts';
import { defineDetector, type Evidence, type Subject } from './detector.ts';
import type { StateOf } from './engine/layout.ts';
import { count, rounded } from './words.ts';

const CLASSES = ['401 and 403', '429', 'other 4xx', '5xx'] as const;
const CLASS_COUNT = CLASSES.length;
const SERVER_ERRORS = 3;
/** Time constants of the recent windows, requests. */
const WINDOWS = [8, 64, 512] as const;
const MIDDLE = 1;
const LONG = 2000;
const CELLS = CLASS_COUNT * WINDOWS.length;
const KEEP = WINDOWS.map((t) => 1 - 1 / t);
const KEEP_LONG = 1 - 1 / LONG;
/** Every class is folded as often, so that its index never wraps. */
const FOLD_PERIOD = 67;
const COUNT_MASK = 0xffff;
const RHO_START = 0.02;
const RHO_MIN = 0.003;
const RHO_MAX = 0.5;
/** Log of a made-up prior of the two-sided choice between windows; keeps ordinary shares near zero. */
const DISCOUNT = 0.3;
const SERVER_SCORE_MAX = 5.5;

const LAYOUT = {
  /** Requests seen by the recent windows, and requests learned from. */
  requests: 'u32',
  learned: 'u32',
  /** Index in the two counts above at which each class was last folded, modulo 2^16: it is every 67 requests. */
  lastSeen: ['u16', CLASS_COUNT],
  lastLearned: ['u16', CLASS_COUNT],
  recent: ['f16', CELLS],
  usual: ['f32', CLASS_COUNT],
  rho: ['f16', CLASS_COUNT],
  mu: ['f16', CELLS],
  beta: ['f16', CELLS],
  worst: ['f16', CELLS],
} as const;
type State = StateOf<typeof LAYOUT>;

const config = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the detector runs.'),
  shareMin: z.number().min(0).max(1).default(0.1).describe('Least share of errors.'),
  ratioMin: z.number().min(1).default(3).describe('Least ratio of the share to the usual one.'),
  errorsMin: z
    .number()
    .min(1)
    .default(4.5)
    .describe('Least errors among the last 64 requests, decayed.'),
});
type Config = z.infer<typeof config>;

function classOf(status: number): number {
  if (status < 400) return -1;
  if (status === 401 || status === 403) return 0;
  if (status === 429) return 1;
  return status < 500 ? 2 : SERVER_ERRORS;
}

const DAMPED = 10;

/** The window that decided the score last computed. */
const last = { errorClass: 0, window: 0, share: 0, usual: 0, errors: 0 };

function usualShare(state: State, c: number): number {
  const errors = state.usual.get(c) * KEEP_LONG ** sinceLearned(state, c);
  return (0.5 + errors) / (25 + LONG * (1 - KEEP_LONG ** state.learned));
}

/** Folds this request into the windows of class c and answers nothing; error is 1 or 0. */
function fold(state: State, c: number, error: number): void {
  const gap = (state.requests - state.lastSeen.get(c)) & COUNT_MASK;
  for (let w = 0; w < WINDOWS.length; w++) {
    const at = c * WINDOWS.length + w;
    state.recent.set(at, state.recent.get(at) * KEEP[w]! ** gap + error);
  }
  state.lastSeen.set(c, state.requests);
}

function foldUsual(state: State, c: number, error: number): void {
  const usual = state.usual.get(c) * KEEP_LONG ** sinceLearned(state, c) + error;
  state.usual.set(c, usual);
  state.lastLearned.set(c, state.learned);
}

function sinceLearned(state: State, c: number): number {
  return (state.learned - state.lastLearned.get(c)) & COUNT_MASK;
}

function weightOf(state: State, w: number): number {
  return WINDOWS[w]! * (1 - KEEP[w]! ** state.requests);
}

function judge(state: State, c: number, config: Config): number {
  const p = usualShare(state, c);
  const base = c * WINDOWS.length;
  const often = state.recent.get(base + MIDDLE) >= config.errorsMin;
  const rho = Math.max(RHO_MIN, state.rho.get(c));
  let best = 0;
  for (let w = 0; w < WINDOWS.length; w++) {
    const n = weightOf(state, w);
    const share = Math.min(1, state.recent.get(base + w) / n);
    if (share <= p) continue;
    const effective = (2 * n - 1) / (1 + (2 * n - 2) * rho);
    const s = (Math.max(1, effective) * bernoulliDivergence(share, p)) / Math.LN10 - DISCOUNT;
    if (s > state.worst.get(base + w)) state.worst.set(base + w, s);
    if (!often || share < Math.max(config.shareMin, config.ratioMin * p)) continue;
    const score = gumbelScore(s, state.mu.get(base + w), state.beta.get(base + w));
    if (score <= best) continue;
    best = score;
    last.errorClass = c;
    last.window = w;
    last.share = share;
    last.usual = p;
    last.errors = state.recent.get(base + w);
  }
  return c === SERVER_ERRORS ? Math.min(best, SERVER_SCORE_MAX) : best;
}

export const errorRate = defineDetector<typeof LAYOUT, Config>({
  id: 'error-rate',
  version: 3,
  family: 'errors',
  summary: '401/403, 429, other 4xx or 5xx out of proportion',
  aloneMax: Number.POSITIVE_INFINITY,
  config,
  layout: LAYOUT,
  usesPlaces: false,
  needs: ['status'],
  seesFailures: true,

  init(state: State): void {
    state.rho.fill(RHO_START);
    state.mu.fill(1);
    state.beta.fill(0.6);
  },

  /** As if only the usual share of the recent requests had failed. */
  closed(state: State): void {
    for (let c = 0; c < CLASS_COUNT; c++) {
      fold(state, c, 0);
      const usual = usualShare(state, c);
      for (let w = 0; w < WINDOWS.length; w++) {
        const at = c * WINDOWS.length + w;
        state.recent.set(at, Math.min(state.recent.get(at), usual * weightOf(state, w)));
      }
    }
  },

  readyAt(subject: Subject): number {
    return subject.firstAt + 86_400_000;
  },

  observe(state: State, event: ApiEvent, _subject: Subject, config: Config): number {
    state.requests++;
    if (state.requests % FOLD_PERIOD === 0) for (let k = 0; k < CLASS_COUNT; k++) fold(state, k, 0);
    const c = classOf(event.status);
    if (c < 0) return 0;
    fold(state, c, 1);
    return judge(state, c, config);
  },

  describe(state: State, event: ApiEvent): Evidence {
    const { errorClass, window, share, usual, errors } = last;
    const requests = Math.min(state.requests, WINDOWS[window]!);
    const percent = (x: number): string => `${count(100 * x)} %`;
    return {
      fromAt: event.at,
      observed: {
        class: CLASSES[errorClass]!,
        share: rounded(share),
        errors: rounded(errors),
        windowRequests: requests,
      },
      expected: { share: rounded(usual) },
      why:
        `${percent(share)} of about the last ${count(requests)} requests failed with ` +
        `${CLASSES[errorClass]!}; usually ${percent(usual)} of this key's requests do`,
      parts: [{ name: `share of ${CLASSES[errorClass]!}`, score: 1 }],
    };
  },

  learn(state: State, event: ApiEvent, subject: Subject): void {
    // Under suspicion one request in ten is learned whole: errors and successes alike, or the share would sink.
    if (subject.weight < 1 && (subject.weight === 0 || state.requests % DAMPED !== 0)) return;
    state.learned++;
    const c = classOf(event.status);
    if (c >= 0) foldUsual(state, c, 1);
    if (state.learned % FOLD_PERIOD !== 0) return;
    for (let k = 0; k < CLASS_COUNT; k++) foldUsual(state, k, 0);
    if (subject.weight >= 1) learnDispersions(state);
  },

  hourEnded(state: State, subject: Subject, hour: { readonly weight: number }): void {
    learnMaxima(state.mu, state.beta, state.worst, subject.rate.ageHours, hour.weight);
  },
});

/** ρ += 0.01·(min(R, 10ρ + 0.05) − ρ), R the over-dispersion of the middle window's share just now. */
function learnDispersions(state: State): void {
  const n = weightOf(state, MIDDLE);
  const effective = 2 * n - 1;
  if (effective < 20) return;
  for (let c = 0; c < CLASS_COUNT; c++) {
    fold(state, c, 0);
    const p = usualShare(state, c);
    const share = Math.min(1, state.recent.get(c * WINDOWS.length + MIDDLE) / n);
    const spread = ((share - p) * (share - p) * effective) / (p * (1 - p));
    const r = Math.max(0, (spread - 1) / (effective - 1));
    const rho = state.rho.get(c);
    const step = 0.01 * (Math.min(r, 10 * rho + 0.05) - rho);
    state.rho.set(c, Math.min(RHO_MAX, Math.max(0, rho + step)));
  }
}
