/**
 * Catches one network that tries many keys, and many networks that fail on the keys of one consumer.
 *
 * Idea: distinct members (keys of a network, networks of a consumer) with failed authentications in ten to twenty
 * minutes against what is usual for this subject, by a negative-binomial tail of size 2: s = G(n; max(0.5, usual), 2).
 * Counted by two bitmaps of 256 bits (linear counting, Whang 1990), the present ten minutes and the ten before.
 * From ten members on when 30 % of the attempts fail, from fifty on in any case (of a consumer only failures are
 * counted). Algorithms.md §5.11, but a subject expects half a failing member, not two: ten could not reach 4 else.
 * Fails: attempts slower than ten in twenty minutes; a network that is one proxy for many customers hides those
 * who fail from it by habit; keys that the log does not show (then there is no event).
 * Cost: nothing for a success from a network without failures; 16 words and one logarithm a failure. 136 bytes a
 * network or consumer with failures; keys pay nothing.
 */
import { z } from 'zod';
import { membersOf, onesIn } from './baselines/bits.ts';
import { negativeBinomialTail } from './baselines/tails.ts';
import { type Attempt, type Crowd, defineCrowdDetector } from './crowd-detector.ts';
import type { Evidence } from './detector.ts';
import type { ArrayField, StateOf } from './engine/layout.ts';
import { count, plural, rounded } from './words.ts';

const BITS = 256;
const WORDS = BITS / 32;
const WINDOW_MS = 600_000;
const SIZE = 2;
const EXPECTED_MIN = 0.5;
/** Weight of a window in the usual number of failing members. */
const LEARN = 0.1;

const LAYOUT = {
  /** Number of the present window since the epoch. */
  window: 'u32',
  /** Failing members: of the present window, and of the one before. */
  present: ['u32', WORDS],
  before: ['u32', WORDS],
  /** Failed and all attempts, halved with every window. */
  failures: 'f32',
  attempts: 'f32',
  /** Usual number of failing members in a window with any. */
  usual: 'f32',
  /** First failure of the present window and of the one before, epoch ms; 0 for none. */
  presentAt: 'f64',
  beforeAt: 'f64',
} as const;
type State = StateOf<typeof LAYOUT>;

const config = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the detector runs.'),
  membersMin: z
    .int()
    .min(3)
    .default(10)
    .describe('Least keys of a network, or networks of a consumer, that fail in ten minutes.'),
  membersSure: z
    .int()
    .min(3)
    .default(50)
    .describe('From this many on, whatever share of the attempts fails.'),
  shareMin: z.number().min(0).max(1).default(0.3).describe('Least share of failed attempts.'),
});
type Config = z.infer<typeof config>;

const last = { members: 0, usual: 0, share: 0 };

export const stuffing = defineCrowdDetector<typeof LAYOUT, Config>({
  id: 'stuffing',
  version: 1,
  family: 'errors',
  summary: 'one network trying many keys; many networks failing on one consumer’s keys',
  aloneMax: Number.POSITIVE_INFINITY,
  config,
  layout: LAYOUT,

  observe(state: State, attempt: Attempt, config: Config): number {
    turn(state, Math.floor(attempt.at / WINDOW_MS));
    state.attempts += 1;
    if (!attempt.failed) return 0;
    state.failures += 1;
    if (state.presentAt === 0) state.presentAt = attempt.at;
    const word = (attempt.member >>> 5) & (WORDS - 1);
    state.present.set(word, state.present.get(word) | (1 << (attempt.member & 31)));
    const members = distinct(state);
    const share = state.failures / state.attempts;
    if (members < config.membersMin - 0.5) return 0;
    if (members < config.membersSure && share < config.shareMin) return 0;
    const usual = Math.max(EXPECTED_MIN, state.usual);
    if (members <= usual) return 0;
    last.members = members;
    last.usual = usual;
    last.share = share;
    return negativeBinomialTail(members, usual, SIZE);
  },

  describe(state: State, crowd: Crowd): Evidence {
    const { members, usual, share } = last;
    const many = Math.round(members);
    const what =
      crowd.kind === 'network'
        ? `about ${plural(many, 'different key')} failed to authenticate from ${crowd.id}`
        : `keys of ${crowd.id} failed to authenticate from about ${plural(many, 'different network')}`;
    return {
      fromAt: state.beforeAt || state.presentAt,
      observed: {
        [crowd.kind === 'network' ? 'keys' : 'networks']: many,
        attempts: rounded(state.attempts),
        failedShare: rounded(share),
      },
      expected: { [crowd.kind === 'network' ? 'keys' : 'networks']: rounded(usual) },
      why:
        `${what} within ten to twenty minutes, where usually ${count(usual)} would; ` +
        `${count(100 * share)} % of about ${count(state.attempts)} attempts failed`,
      parts: [{ name: 'number that failed', score: 1 }],
    };
  },
});

/** Brings the windows up to `window`; an earlier one (a late event) counts in the present. */
function turn(state: State, window: number): void {
  const passed = window - state.window;
  if (passed <= 0) return;
  const failing = membersIn(state.present);
  // Twice the usual and two more at most: a guesser must not teach that he is usual.
  if (failing > 0) state.usual += LEARN * (Math.min(failing, 2 * state.usual + 2) - state.usual);
  const next = passed === 1;
  for (let word = 0; word < WORDS; word++) {
    state.before.set(word, next ? state.present.get(word) : 0);
    state.present.set(word, 0);
  }
  state.beforeAt = next ? state.presentAt : 0;
  state.presentAt = 0;
  const keep = 0.5 ** Math.min(passed, 60);
  state.attempts *= keep;
  state.failures *= keep;
  state.window = window;
}

/** Linear counting of the members in both windows: −256·ln(share of bits that are zero). */
function distinct({ present, before }: State): number {
  let set = 0;
  for (let word = 0; word < WORDS; word++) set += onesIn(present.get(word) | before.get(word));
  return membersOf(set, BITS);
}

function membersIn(window: ArrayField): number {
  let set = 0;
  for (let word = 0; word < WORDS; word++) set += onesIn(window.get(word));
  return membersOf(set, BITS);
}
