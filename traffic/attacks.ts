/** Attacks: from a spec to what happens in the stream and its label; and where to put N of them. */
import {
  ATTACK_KINDS,
  type AttackKind,
  type AttackSpec,
  type Burst,
  type ErrorMix,
  type KeyProfile,
  type Label,
  type Shift,
  type TrafficOptions,
} from './contract.ts';
import { hostIn } from './keys.ts';
import { COUNTRIES, citiesIn } from './places.ts';
import { createRandom, type Random } from './random.ts';
import { DAY_MS, HOUR_MS, slowRate } from './rhythm.ts';
import { drawTool } from './vocabulary.ts';
import { zoneOffsetMs } from './zones.ts';

const MINUTE_MS = 60_000;
/** Planned attacks run at least at this pace, requests per second. */
const PLANNED_RATE_MIN = 0.05;

interface KindDefaults {
  readonly durationMs: number;
  readonly factor: number;
}
const DEFAULTS: Readonly<Record<AttackKind, KindDefaults>> = {
  'stolen-key': { durationMs: 20 * MINUTE_MS, factor: 9.12 },
  'error-burst': { durationMs: 15 * MINUTE_MS, factor: 5 },
  'off-hours': { durationMs: 45 * MINUTE_MS, factor: 1 },
  silence: { durationMs: 5 * HOUR_MS, factor: 0 },
  spike: { durationMs: 90_000, factor: 1000 },
};

/** Everything that happens to one key, in the order it was planned. */
export interface KeyLife {
  readonly shifts: Shift[];
  readonly bursts: Burst[];
}

/** Adds an attack to the key's life and answers its label. Throws RangeError on a country without ranges. */
export function addAttack(
  spec: AttackSpec,
  key: KeyProfile,
  life: KeyLife,
  label: number,
  seed: number,
): Label {
  const defaults = DEFAULTS[spec.kind];
  const random = createRandom(seed, 0x61747461, key.index, Math.floor(spec.fromAt / 1000));
  const fromAt = spec.fromAt;
  const toAt = fromAt + (spec.durationMs ?? defaults.durationMs);
  if (spec.kind === 'silence') life.shifts.push(silence(fromAt, toAt));
  else {
    const factor = spec.factor ?? defaults.factor;
    const rate = Math.max(
      spec.rateMin ?? 0,
      extraRate(spec.kind, key, life.shifts, fromAt, factor),
    );
    const burst = {
      kind: spec.kind,
      fromAt,
      toAt,
      rate,
      label,
      ...disguise(spec, key, life, random),
    };
    life.bursts.push(burst);
  }
  return { keyIndex: key.index, kind: spec.kind, fromAt, toAt };
}

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
  return Math.max(0, factor - 1) * slowRate(key, shifts, at) * 1000;
}

type Disguise = Pick<Burst, 'address' | 'agent' | 'errors'>;

function disguise(spec: AttackSpec, key: KeyProfile, life: KeyLife, random: Random): Disguise {
  const same = { address: undefined, agent: undefined, errors: undefined };
  switch (spec.kind) {
    case 'stolen-key': {
      const country = spec.country ?? random.pick(countriesNewFor(key, life));
      const cities = citiesIn(country);
      if (cities.length === 0) throw new RangeError(`no address ranges for country ${country}`);
      const address = hostIn(random.pick(cities), random);
      return { address, agent: drawTool(key.agent, random), errors: undefined };
    }
    case 'error-burst': {
      const address = random.chance(0.5) ? hostIn(key.home, random) : undefined;
      const agent = address === undefined ? undefined : drawTool(key.agent, random);
      return { address, agent, errors: guessing(random.between(0.75, 1)) };
    }
    default:
      return same;
  }
}

/** Somebody who tries ids and rights: refused, forbidden, not there. */
function guessing(share: number): ErrorMix {
  return {
    unauthorized: 0.15 * share,
    forbidden: 0.35 * share,
    notFound: 0.5 * share,
    otherClient: 0,
    limited: 0,
    server: 0,
  };
}

function silence(fromAt: number, toAt: number): Shift {
  return {
    kind: 'silence',
    fromAt,
    toAt,
    rateFactor: 0,
    share: 0,
    address: undefined,
    agent: undefined,
    route: undefined,
  };
}

function countriesNewFor(key: KeyProfile, life: KeyLife): string[] {
  const known = new Set(key.addresses.map((address) => address.city.country));
  for (const shift of life.shifts) if (shift.address) known.add(shift.address.city.country);
  for (const burst of life.bursts) if (burst.address) known.add(burst.address.city.country);
  return COUNTRIES.filter((country) => !known.has(country));
}

/** First instant at which planned attacks may begin: after three quarters, and two days if possible. */
export function attacksFromAt(fromAt: number, days: number): number {
  return fromAt + Math.max(0.75 * days, Math.min(2, 0.9 * days)) * DAY_MS;
}

/**
 * N attacks over random keys, at most one a key, spread over the last part of the span. Kinds take turns;
 * where no free key suits a kind (no office key is left), a stolen key takes its place.
 */
export function planAttacks(
  keys: readonly KeyProfile[],
  options: TrafficOptions & { readonly fromAt: number },
  count: number,
): AttackSpec[] {
  const random = createRandom(options.seed, 0x706c616e);
  const kinds = options.attackKinds ?? ATTACK_KINDS;
  const free = shuffled(keys, random);
  const rateBusy = busyRate(keys);
  const toAt = options.fromAt + options.days * DAY_MS;
  const beginAt = attacksFromAt(options.fromAt, options.days);
  const specs: AttackSpec[] = [];
  for (let i = 0; i < Math.min(count, keys.length); i++) {
    let kind = kinds[i % kinds.length]!;
    let place = free.findIndex((key) => suits(kind, key, rateBusy));
    if (place < 0) {
      kind = 'stolen-key';
      place = 0;
    }
    const key = free.splice(place, 1)[0]!;
    const durationMs = durationOf(kind, random);
    const slot = (toAt - beginAt - durationMs) / count;
    const earliest = beginAt + slot * (i + random.unit());
    const fromAt = Math.floor(placed(kind, key, earliest, { beginAt, toAt, durationMs }));
    specs.push({ kind, keyIndex: key.index, fromAt, durationMs, ...strength(kind, random) });
  }
  return specs;
}

function strength(kind: AttackKind, random: Random): Partial<AttackSpec> {
  if (kind === 'silence') return {};
  if (kind === 'error-burst') return { factor: random.between(3, 10), rateMin: PLANNED_RATE_MIN };
  return { rateMin: PLANNED_RATE_MIN };
}

/** Hours without a request mean something only for a key that is seldom quiet for an hour. */
function suits(kind: AttackKind, key: KeyProfile, rateBusy: number): boolean {
  if (kind === 'off-hours') return key.class === 'office';
  if (kind === 'silence') return key.class === 'steady' && key.rate >= rateBusy;
  return true;
}

function durationOf(kind: AttackKind, random: Random): number {
  const minutes: Record<AttackKind, readonly [number, number]> = {
    'stolen-key': [10, 30],
    'error-burst': [8, 20],
    'off-hours': [30, 60],
    silence: [240, 480],
    spike: [1, 2],
  };
  return Math.floor(random.between(...minutes[kind]) * MINUTE_MS);
}

/** Moves an attack to the hour of the day at which it makes sense, where that fits into the span. */
function placed(
  kind: AttackKind,
  key: KeyProfile,
  at: number,
  bounds: { readonly beginAt: number; readonly toAt: number; readonly durationMs: number },
): number {
  const hour = kind === 'off-hours' ? 1.5 : kind === 'silence' ? 10 : undefined;
  if (hour === undefined) return at;
  const offset = zoneOffsetMs(key.home.zone, at);
  const localDay = Math.floor((at + offset) / DAY_MS) * DAY_MS;
  for (const day of [0, 1, -1]) {
    const moved = localDay + day * DAY_MS + hour * HOUR_MS - offset;
    if (moved >= bounds.beginAt && moved + bounds.durationMs <= bounds.toAt) return moved;
  }
  return at;
}

/** Above it lies the busiest quarter of the steady keys. */
function busyRate(keys: readonly KeyProfile[]): number {
  const rates = keys.filter((key) => key.class === 'steady').map((key) => key.rate);
  rates.sort((a, b) => a - b);
  return rates[Math.floor(rates.length * 0.75)] ?? 0;
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}
