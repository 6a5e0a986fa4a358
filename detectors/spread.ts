/**
 * Catches a key used from too many networks at the same time: leaked, or passed around.
 *
 * Idea: distinct networks (/24, IPv6 /64) of the running hour, counted in a bitmap of 128 bits, against what the
 * key's active hours usually have: G(n; max(2, usual), 3). A key behind clouds or mobile networks has always used
 * many, so many are usual for it. Beside it a measure of sharing: how often the next request within ten minutes
 * comes from another network, which is 1 − 1/n for n users who take turns. Algorithms.md §9, Spread.
 * Fails: a thief on one or two networks; more than about 500 networks an hour look like 500.
 * Cost: a bit test an event, two logarithms while there are more than twice the usual; 27 bytes a subject.
 */
import { z } from 'zod';
import type { ApiEvent } from '../core/event.ts';
import type { Facts } from '../core/finding.ts';
import { membersOf } from './baselines/bits.ts';
import { negativeBinomialTail } from './baselines/tails.ts';
import { defineDetector, type Evidence, type Subject } from './detector.ts';
import type { StateOf } from './engine/layout.ts';
import { count, plural, rounded } from './words.ts';

const WORDS = 4;
const BITS = 32 * WORDS;

const LAYOUT = {
  /** Usual number of networks in an active hour; 0 before the first has ended. */
  usual: 'f32',
  /** How often, of the last two hundred times, a request came from another network than the one before. */
  sharing: 'f16',
  lastNetwork: 'u32',
  /** Bits set in `seen`. */
  set: 'u8',
  /** Networks of the running hour, one bit of a hash each. */
  seen: ['u32', WORDS],
} as const;
type State = StateOf<typeof LAYOUT>;

const config = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the detector runs.'),
  networksMin: z.int().min(2).max(500).default(6).describe('Least networks in an hour.'),
  activeHoursMin: z
    .int()
    .min(1)
    .default(24)
    .describe('Active hours the key must have had, hours of event time.'),
});
type Config = z.infer<typeof config>;

const USUAL_MIN = 2;
/** How unlike each other a key's hours are: the size of the negative binomial. */
const SIZE = 3;
/** Below this ratio the tail is not worth two logarithms; it cannot reach 3. */
const RATIO_WORTH_TESTING = 2;
const HOUR_SHARE = 0.05;
const PAIR_SHARE = 0.005;
const PAIR_MS = 600_000;
const HOUR_MS = 3_600_000;

/** Linear counting: how many networks set so many bits. */
const NETWORKS = Float64Array.from({ length: BITS + 1 }, (_, set) => membersOf(set, BITS));

const last = { networks: 0, usual: 0 };

function note(state: State, network: number): void {
  const bit = network & (BITS - 1);
  const word = state.seen.get(bit >> 5);
  const mask = 1 << (bit & 31);
  if ((word & mask) !== 0) return;
  state.seen.set(bit >> 5, word | mask);
  state.set++;
}

export const spread = defineDetector<typeof LAYOUT, Config>({
  id: 'spread',
  version: 2,
  family: 'place',
  summary: 'used from too many networks at the same time',
  aloneMax: 5.5,
  config,
  layout: LAYOUT,
  usesPlaces: false,
  needs: ['address'],
  seesFailures: false,

  init(): void {},

  readyAt(subject: Subject, config: Config): number {
    const missing = config.activeHoursMin - subject.places.state.active;
    if (missing <= 0) return subject.firstAt + config.activeHoursMin * HOUR_MS;
    const lived = (subject.lastAt - subject.firstAt) / Math.max(1, subject.places.state.active);
    return subject.lastAt + missing * Math.max(HOUR_MS, lived);
  },

  observe(state: State, event: ApiEvent, subject: Subject, config: Config): number {
    if (event.network === 0) return 0;
    note(state, event.network);
    const networks = NETWORKS[state.set]!;
    const usual = Math.max(USUAL_MIN, state.usual);
    if (networks <= RATIO_WORTH_TESTING * usual || networks < config.networksMin) return 0;
    if (subject.places.state.active < config.activeHoursMin) return 0;
    last.networks = networks;
    last.usual = state.usual;
    return negativeBinomialTail(networks, usual, SIZE);
  },

  describe(state: State, event: ApiEvent): Evidence {
    const networks = Math.round(last.networks);
    return {
      fromAt: Math.floor(event.at / HOUR_MS) * HOUR_MS,
      observed: { networksThisHour: networks, sharing: rounded(state.sharing) },
      expected: { networksAnHour: rounded(last.usual) },
      why:
        `about ${plural(networks, 'network')} in this hour so far; in an active hour this key ` +
        `usually comes from ${count(last.usual)}`,
      parts: [{ name: 'number of networks', score: 1 }],
    };
  },

  learn(state: State, event: ApiEvent, subject: Subject): void {
    const { network } = event;
    if (network === 0) return;
    if (state.lastNetwork !== 0 && Math.abs(event.at - subject.lastAt) <= PAIR_MS) {
      const other = network === state.lastNetwork ? 0 : 1;
      state.sharing += PAIR_SHARE * subject.weight * (other - state.sharing);
    }
    state.lastNetwork = network;
  },

  learned(state: State): Facts {
    return { networksAnHour: rounded(state.usual), sharing: rounded(state.sharing) };
  },

  hourEnded(state: State, subject: Subject, hour: { readonly weight: number }): void {
    if (state.set === 0) return;
    const networks = Math.min(NETWORKS[state.set]!, 4 * state.usual + 8);
    const share = Math.max(HOUR_SHARE, 1 / Math.max(1, subject.places.state.active));
    state.usual += share * hour.weight * (networks - state.usual);
    state.seen.fill(0);
    state.set = 0;
  },
});
