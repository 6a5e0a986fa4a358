/** Attacks: from a spec to what happens in the stream, and its label. */
import type { AttackKind, AttackSpec, KeyProfile, Label, Shift } from './contract.ts';
import { disguise, EXFILTRATION_SHARE, type Victim } from './disguises.ts';
import { createRandom } from './random.ts';
import { DAY_MS, HOUR_MS, slowRate } from './rhythm.ts';

const MINUTE_MS = 60_000;

export interface AttackDefaults {
  readonly durationMs: number;
  readonly factor: number;
  /** Requests per second. */
  readonly rateMin?: number;
}
export const ATTACK_DEFAULTS: Readonly<Record<AttackKind, AttackDefaults>> = {
  /** Another country, another client, and much more of it. */
  'stolen-key': { durationMs: 20 * MINUTE_MS, factor: 9.12 },
  /** Somebody tries rights and ids with the key. */
  'error-burst': { durationMs: 15 * MINUTE_MS, factor: 5 },
  'off-hours': { durationMs: 45 * MINUTE_MS, factor: 1 },
  silence: { durationMs: 5 * HOUR_MS, factor: 0 },
  spike: { durationMs: 90_000, factor: 1000 },
  /** Most of a key's requests stay away. */
  drop: { durationMs: 5 * HOUR_MS, factor: 0.1 },
  /** A share of the key's own requests fails. */
  'error-share': { durationMs: 15 * MINUTE_MS, factor: 1 },
  /** A thief who takes care not to be seen by the number of requests. */
  'new-country': { durationMs: 6 * HOUR_MS, factor: 1.1, rateMin: 0.005 },
  /** From far away, in between the owner's own requests. */
  'impossible-travel': { durationMs: HOUR_MS, factor: 1.2, rateMin: 0.01 },
  /** Many networks at once: the key was posted somewhere. */
  sharing: { durationMs: 2 * HOUR_MS, factor: 1.5, rateMin: 0.05 },
  /** Few more requests, many more bytes, for hours. */
  exfiltration: { durationMs: 6 * HOUR_MS, factor: 10 },
  'huge-answer': { durationMs: MINUTE_MS, factor: 1000 },
  /** One resource after the other. */
  enumeration: { durationMs: 20 * MINUTE_MS, factor: 1.5, rateMin: 0.5 },
  'random-ids': { durationMs: 20 * MINUTE_MS, factor: 1.5, rateMin: 0.5 },
  /** Routes and methods that the key never uses. */
  scanner: { durationMs: 10 * MINUTE_MS, factor: 1.2, rateMin: 0.2 },
  /** A server's key in somebody's web page. */
  browser: { durationMs: HOUR_MS, factor: 1.3, rateMin: 0.02 },
  /** One network tries keys that nobody was given. */
  stuffing: { durationMs: 10 * MINUTE_MS, factor: 1, rateMin: 2 },
  /** Many networks fail on one consumer's keys. */
  'spread-stuffing': { durationMs: 20 * MINUTE_MS, factor: 1, rateMin: 1 },
  /** A little more every day, so that it is learned. */
  poisoning: { durationMs: 60 * DAY_MS, factor: 1 },
};

/** Adds an attack to the key's life and answers its label. Throws RangeError on a country without ranges. */
export function addAttack(spec: AttackSpec, victim: Victim, label: number, seed: number): Label {
  const { key, life } = victim;
  const { kind, fromAt } = spec;
  const defaults = ATTACK_DEFAULTS[kind];
  const random = createRandom(seed, 0x61747461, key.index, Math.floor(fromAt / 1000));
  const toAt = fromAt + (spec.durationMs ?? defaults.durationMs);
  const factor = spec.factor ?? defaults.factor;
  const told = { keyIndex: key.index, kind, fromAt, toAt };
  if (kind === 'silence' || kind === 'drop') {
    life.shifts.push({ ...NO_SHIFT, kind, fromAt, toAt, rateFactor: factor });
    return told;
  }
  if (kind === 'error-share') {
    const share = spec.errorShare ?? 0.6;
    const errorClass = spec.errorClass ?? random.pick(['forbidden', 'notFound', 'server'] as const);
    const errors = { ...NO_ERRORS, [errorClass]: 1 };
    life.shifts.push({ ...NO_SHIFT, kind, fromAt, toAt, share, errors });
    return told;
  }
  const extra = extraRate(kind, key, life.shifts, fromAt, factor);
  const rate = Math.max(spec.rateMin ?? defaults.rateMin ?? 0, extra);
  const { subject, ...looks } = disguise(spec, factor, victim, random);
  life.bursts.push({ kind, fromAt, toAt, rate, label, ...looks });
  return { ...told, ...subject };
}

const NO_SHIFT = {
  rateFactor: 1,
  share: 0,
  address: undefined,
  agent: undefined,
  route: undefined,
} as const;
const NO_ERRORS = {
  unauthorized: 0,
  forbidden: 0,
  notFound: 0,
  otherClient: 0,
  limited: 0,
  server: 0,
} as const;

/** Requests per second on top of the normal ones. */
function extraRate(
  kind: AttackKind,
  key: KeyProfile,
  shifts: readonly Shift[],
  at: number,
  factor: number,
): number {
  // At night an office key has no rate to be a multiple of: its mean stands in.
  if (kind === 'off-hours') return key.rate * factor;
  if (kind === 'exfiltration') return key.rate * EXFILTRATION_SHARE;
  return Math.max(0, factor - 1) * slowRate(key, shifts, at) * 1000;
}
