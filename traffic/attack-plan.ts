/** Where and when a number of attacks is put. */
import { ATTACK_DEFAULTS } from './attacks.ts';
import {
  type AttackKind,
  type AttackSpec,
  type KeyProfile,
  type TrafficOptions,
  USUAL_ATTACK_KINDS,
} from './contract.ts';
import { createRandom, type Random } from './random.ts';
import { DAY_MS, HOUR_MS } from './rhythm.ts';
import { zoneOffsetMs } from './zones.ts';

const MINUTE_MS = 60_000;
/** Planned attacks run at least at this pace, requests per second. */
const PLANNED_RATE_MIN = 0.05;

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
  const kinds = options.attackKinds ?? USUAL_ATTACK_KINDS;
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
    const durationMs = durationOf(kind, (toAt - beginAt) / 2, random);
    const slot = (toAt - beginAt - durationMs) / count;
    const earliest = beginAt + slot * (i + random.unit());
    const fromAt = Math.floor(placed(kind, key, earliest, { beginAt, toAt, durationMs }));
    specs.push({ kind, keyIndex: key.index, fromAt, durationMs, ...strength(kind, random) });
  }
  return specs;
}

function strength(kind: AttackKind, random: Random): Partial<AttackSpec> {
  if (kind === 'silence' || kind === 'drop' || kind === 'error-share') return {};
  if (kind === 'error-burst') return { factor: random.between(3, 10), rateMin: PLANNED_RATE_MIN };
  if (kind === 'poisoning') return { growthPerDay: random.chance(0.5) ? 0.05 : 0.2 };
  return { rateMin: Math.max(PLANNED_RATE_MIN, ATTACK_DEFAULTS[kind].rateMin ?? 0) };
}

function suits(kind: AttackKind, key: KeyProfile, rateBusy: number): boolean {
  if (kind === 'off-hours') return key.class === 'office';
  // Hours without a request mean something only for a key that is seldom quiet for an hour.
  if (kind === 'silence' || kind === 'drop') return key.class === 'steady' && key.rate >= rateBusy;
  if (kind === 'browser') return key.origin === '';
  return true;
}

/** Of the kinds whose length is drawn; the others last as long as they do by default. */
const MINUTES: Readonly<Partial<Record<AttackKind, readonly [number, number]>>> = {
  'stolen-key': [10, 30],
  'error-burst': [8, 20],
  'off-hours': [30, 60],
  silence: [240, 480],
  spike: [1, 2],
};

function durationOf(kind: AttackKind, lastsMax: number, random: Random): number {
  const minutes = MINUTES[kind];
  if (minutes === undefined) return Math.min(ATTACK_DEFAULTS[kind].durationMs, lastsMax);
  return Math.floor(random.between(...minutes) * MINUTE_MS);
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
