/**
 * Innocent events that hit many keys at once, or one key for good. None is labelled: a detector that accuses
 * a key of them is wrong.
 */
import type {
  ErrorMix,
  KeyLife,
  KeyProfile,
  ScenarioKind,
  ScenarioSpec,
  Shift,
} from './contract.ts';
import { hostIn } from './keys.ts';
import { CITIES } from './places.ts';
import { createRandom, type Random } from './random.ts';
import { DAY_MS, HOUR_MS } from './rhythm.ts';
import { drawOtherAgent } from './vocabulary.ts';

const MINUTE_MS = 60_000;
const FOR_GOOD = Number.POSITIVE_INFINITY;
const FEWEST_KEYS = 20;

interface ScenarioDefaults {
  readonly durationMs: number;
  readonly factor: number;
  /** Which keys unless they are named. */
  readonly whom: 'all' | 'fifth' | 'consumer';
}
export const SCENARIO_DEFAULTS: Readonly<Record<ScenarioKind, ScenarioDefaults>> = {
  /** A bad release: every request fails, most with 5xx, some because the permissions are gone. */
  'deploy-outage': { durationMs: 10 * MINUTE_MS, factor: 1, whom: 'all' },
  /** The marketing launch of somebody who has many keys, or of many. */
  launch: { durationMs: HOUR_MS, factor: 5, whom: 'fifth' },
  /** A consumer's books are closed: a batch at this multiple of each key's mean rate. */
  'month-end': { durationMs: 3 * HOUR_MS, factor: 8, whom: 'consumer' },
  /** We did not get what the gateway wrote. */
  lag: { durationMs: 30 * MINUTE_MS, factor: 1, whom: 'all' },
  /** The service moved to another provider; nothing comes from the old place any more. */
  migration: { durationMs: FOR_GOOD, factor: 1, whom: 'fifth' },
  'agent-upgrade': { durationMs: FOR_GOOD, factor: 1, whom: 'fifth' },
  /** A customer became larger. */
  'step-growth': { durationMs: FOR_GOOD, factor: 5, whom: 'fifth' },
};

const OUTAGE_ERRORS: ErrorMix = {
  unauthorized: 0.03,
  forbidden: 0.07,
  notFound: 0,
  otherClient: 0,
  limited: 0,
  server: 0.9,
};

/** Adds it to the lives of the keys it hits. Throws RangeError when it names a key that there is not. */
export function addScenario(
  spec: ScenarioSpec,
  keys: readonly KeyProfile[],
  lives: readonly KeyLife[],
  seed: number,
): void {
  for (const index of keysOf(spec, keys, seed)) {
    const [key, life] = [keys[index], lives[index]];
    if (key === undefined || life === undefined) {
      throw new RangeError(`a scenario names key ${index} of ${keys.length}`);
    }
    const random = createRandom(seed, 0x7363656e, index, Math.floor(spec.fromAt / 1000));
    if (spec.kind === 'month-end') life.bursts.push(batch(spec, key));
    else life.shifts.push(shiftOf(spec, key, random));
  }
}

/** Keys that a scenario hits, in order. */
export function keysOf(spec: ScenarioSpec, keys: readonly KeyProfile[], seed: number): number[] {
  if (spec.keys !== undefined) return [...spec.keys];
  const all = keys.map((key) => key.index);
  const { whom } = SCENARIO_DEFAULTS[spec.kind];
  const random = createRandom(seed, 0x77686f6d, Math.floor(spec.fromAt / 1000));
  if (whom === 'all') return all;
  if (whom === 'consumer') {
    const { consumer } = random.pick(keys);
    return all.filter((index) => keys[index]!.consumer === consumer);
  }
  const count = Math.min(all.length, Math.max(FEWEST_KEYS, Math.round(all.length / 5)));
  const first = random.below(all.length);
  return all.slice(0, count).map((i) => (first + i) % all.length);
}

function batch(spec: ScenarioSpec, key: KeyProfile) {
  const { durationMs, factor } = SCENARIO_DEFAULTS['month-end'];
  return {
    kind: 'month-end',
    fromAt: spec.fromAt,
    toAt: spec.fromAt + (spec.durationMs ?? durationMs),
    rate: (spec.factor ?? factor) * key.rate,
    address: undefined,
    agent: undefined,
    errors: undefined,
    label: -1,
  } as const;
}

function shiftOf(spec: ScenarioSpec, key: KeyProfile, random: Random): Shift {
  const { kind, fromAt } = spec;
  const defaults = SCENARIO_DEFAULTS[kind];
  const shift = {
    kind,
    fromAt,
    toAt: fromAt + (spec.durationMs ?? defaults.durationMs),
    rateFactor: spec.factor ?? defaults.factor,
    share: 0,
    address: undefined,
    agent: undefined,
    route: undefined,
  };
  switch (kind) {
    case 'deploy-outage':
      return { ...shift, share: 1, errors: OUTAGE_ERRORS };
    case 'migration':
      return { ...shift, share: 1, address: hostIn(random.pick(CITIES), random) };
    case 'agent-upgrade':
      return { ...shift, share: 1, agent: drawOtherAgent(key.agent, random) };
    default:
      return shift;
  }
}

/** Begin of a span of at least six weeks in whose fifth week Europe's clocks change (29 March 2026). */
export const CLOCKS_CHANGE = {
  fromAt: Date.UTC(2026, 1, 23),
  at: Date.UTC(2026, 2, 29),
  days: 35 + 7,
} as const;

/** Places for scenarios of which only the kinds are given: one a day in the last part of the span, at 10:00 UTC. */
export function planScenarios(
  kinds: readonly ScenarioKind[],
  span: { readonly fromAt: number; readonly days: number },
): ScenarioSpec[] {
  const firstDay = Math.floor(span.days * 0.75);
  return kinds.map((kind, i) => {
    const day = Math.min(firstDay + i, Math.ceil(span.days) - 1);
    const midnight = Math.floor(span.fromAt / DAY_MS + day) * DAY_MS;
    return { kind, fromAt: midnight + 10 * HOUR_MS };
  });
}
