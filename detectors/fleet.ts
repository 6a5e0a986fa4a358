/**
 * Catches many keys that deviate together: a launch, an outage, a deploy that breaks everybody, our own lag. It
 * explains and damps, it does not accuse: incidents of volume and errors that it covers become part of it.
 *
 * Idea: a key seldom reaches a score of 2 within five minutes; by chance that is less than six in a thousand
 * (10⁻² an hour, the tail up to seven times heavier than its law: algorithms.md §4). k of n active keys at once
 * have a binomial tail of n·KL(k/n ‖ p). That is far below what makes a finding: slow keys of a launch score little
 * each, and all together. Keys are counted, not requests, and only aged ones; of the whole fleet only
 * where several consumers take part, else it is that consumer's own. A count, not the fleet's median factor of
 * algorithms.md §9: a launch of a tenth of the keys moves no median (docs/decisions/0011).
 * Fails: fewer keys than `keysMin`; keys that deviate one after the other over hours. An attacker who holds many
 * keys of volume alone is told as one incident of the fleet, at most medium; place, client, credential and content
 * findings are never damped by it.
 * Cost: a vote for each event that scores 2 or more; each key counts itself as active at its first use in five
 * minutes. No bytes a key.
 */
import { z } from 'zod';
import type { Facts } from '../core/finding.ts';
import { bernoulliDivergence } from './baselines/tails.ts';
import type { Evidence } from './detector.ts';
import { count, plural, rounded } from './words.ts';

/** How often a key scores 2 or more in five minutes of normal life. */
const CHANCE = 7e-2 / 12;

const config = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the detector runs.'),
  keysMin: z
    .int()
    .min(3)
    .default(8)
    .describe('Least keys that deviate together within five minutes.'),
  shareMin: z
    .number()
    .min(0)
    .max(1)
    .default(0.04)
    .describe('Least share of the active keys of the fleet, or of the consumer.'),
});
export type FleetConfig = z.infer<typeof config>;

/** Keys that deviated within five minutes in the same way. */
export interface Deviation {
  /** Detector that says so: volume-spike, volume-drop, error-rate. */
  readonly cause: string;
  readonly keys: number;
  readonly consumers: number;
  /** Aged keys in use within the same five minutes, those included. */
  readonly active: number;
  /** First of them, epoch ms. */
  readonly fromAt: number;
}

const WAYS: Readonly<Record<string, string>> = {
  'volume-spike': 'made many more requests than usual',
  'volume-drop': 'fell silent, or nearly',
  'error-rate': 'failed far more often than usual',
};

export const fleet = Object.freeze({
  id: 'fleet',
  version: 1,
  family: 'volume' as const,
  summary: 'many keys deviating together: a launch, an outage, our own lag',
  aloneMax: 7.9,
  usesPlaces: false,
  config,

  score({ keys, active }: Deviation, { keysMin, shareMin }: FleetConfig): number {
    const share = Math.min(1, keys / Math.max(1, active));
    if (keys < keysMin || share < shareMin || share <= CHANCE) return 0;
    return (active * bernoulliDivergence(share, CHANCE)) / Math.LN10;
  },

  describe(deviation: Deviation, consumer: string | undefined): Evidence {
    const { cause, keys, consumers, active, fromAt } = deviation;
    const whose =
      consumer === undefined
        ? `${plural(keys, 'key')} of ${plural(consumers, 'consumer')}`
        : `${plural(keys, 'key')} of ${consumer}`;
    const observed: Facts = { cause, keys, consumers, active, share: rounded(keys / active) };
    return {
      fromAt,
      observed,
      expected: { keys: rounded(active * CHANCE) },
      why:
        `${whose} ${WAYS[cause] ?? `deviated (${cause})`} within five minutes, of ` +
        `${plural(active, 'key')} in use (${count((100 * keys) / active)} %); one cause is likelier ` +
        `than ${count(keys)}, so their findings of volume and errors are part of this incident`,
      parts: [{ name: 'keys that deviate together', score: 1 }],
    };
  },
});
