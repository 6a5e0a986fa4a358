/**
 * Who is attacked when. Attacks take turns over keys that suit them, so that each is seen within seconds; a
 * silence takes minutes to be remarkable, so those that show while one watches begin in the last part of the
 * history. A function of seed and instants alone.
 */
import type { AttackKind, AttackSpec, KeyProfile, Traffic } from '../../traffic/contract.ts';
import { createRandom, type Random } from '../../traffic/random.ts';
import { zoneOffsetMs } from '../../traffic/zones.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** After the begin of the live phase, and then one every so often. */
const FIRST_ATTACKS_MS = [3, 15, 28, 42].map((seconds) => seconds * SECOND_MS);
const ATTACK_EVERY_MS = 40 * SECOND_MS;
type ShownKind = 'stolen-key' | 'error-burst' | 'off-hours' | 'spike';
const KINDS: readonly ShownKind[] = [
  'stolen-key',
  'error-burst',
  'off-hours',
  'stolen-key',
  'spike',
  'error-burst',
  'stolen-key',
  'spike',
];

/** How an attack of a kind looks when one watches: long enough to be read about, short enough to end. */
const LOOKS: Readonly<Record<ShownKind, Omit<AttackSpec, Spot>>> = {
  'stolen-key': { kind: 'stolen-key', factor: 9.12, rateMin: 2, durationMs: 90 * SECOND_MS },
  'error-burst': { kind: 'error-burst', factor: 5, rateMin: 1.5, durationMs: 60 * SECOND_MS },
  'off-hours': { kind: 'off-hours', factor: 1, rateMin: 0.4, durationMs: 100 * SECOND_MS },
  spike: { kind: 'spike', factor: 1000, rateMin: 6, durationMs: 20 * SECOND_MS },
};
type Spot = 'keyIndex' | 'fromAt' | 'country';

/** Requests that have to be missing before a steady key's silence is remarkable, and how late it is judged. */
const MISSING_REQUESTS = 24;
const LATENESS_MS = MINUTE_MS;
/** When silences are to be seen, after the begin of the live phase. */
const SILENCES_MS = [50, 200, 420].map((seconds) => seconds * SECOND_MS);
const SILENCE_LASTS_MS = 40 * MINUTE_MS;
/** Attacks of the past whose incidents close while one watches: an hour after their last evidence. */
const CLOSING_MS = [40, 75, 130].map((seconds) => seconds * SECOND_MS);
const HOLD_MS = HOUR_MS;
/** A key that was attacked is left alone for so long, if there are others. */
const REST_MS = 3 * HOUR_MS;
/** Local hours in which an office is surely empty. */
const NIGHT = { from: 21, to: 6 } as const;

export interface DemoPlan {
  /** Attacks that begin before the live phase; some last into it. */
  readonly past: readonly AttackSpec[];
  /** Attacks that begin at or after the live phase, in order, without end. Every call starts anew. */
  live(liveAt: number): IterableIterator<AttackSpec>;
}

export interface PlanOptions {
  readonly seed: number;
  /** Its keys and rhythm, without attacks. */
  readonly traffic: Traffic;
  /** Expected begin of the live phase, epoch ms. */
  readonly liveAt: number;
}

export function planDemo({ seed, traffic, liveAt }: PlanOptions): DemoPlan {
  const attackedAt = new Map<number, number>();
  const past = [
    ...closings(traffic, seed, liveAt, attackedAt),
    ...silences(traffic, liveAt, attackedAt),
  ];
  return {
    past,
    live: (from) => attacks(traffic, seed, from, new Map(attackedAt)),
  };
}

function closings(
  traffic: Traffic,
  seed: number,
  liveAt: number,
  attackedAt: Map<number, number>,
): AttackSpec[] {
  const random = createRandom(seed, 0x70617374);
  const kinds = ['stolen-key', 'error-burst', 'spike'] as const;
  return CLOSING_MS.flatMap((closesMs, i) => {
    const look = LOOKS[kinds[i % kinds.length]!];
    const endsAt = liveAt + closesMs - LATENESS_MS - HOLD_MS;
    return aimed(look, traffic, endsAt - look.durationMs!, random, attackedAt);
  });
}

function silences(traffic: Traffic, liveAt: number, attackedAt: Map<number, number>): AttackSpec[] {
  return SILENCES_MS.flatMap((seenMs) => {
    const rate = (key: KeyProfile): number => traffic.normalRateAt(key.index, liveAt);
    const free = traffic.keys.filter((key) => key.class === 'steady' && !attackedAt.has(key.index));
    const key = free.sort((a, b) => rate(b) - rate(a))[0];
    if (key === undefined) return [];
    const missingMs = (MISSING_REQUESTS / rate(key)) * SECOND_MS;
    const fromAt = Math.floor(liveAt + seenMs - LATENESS_MS - missingMs);
    if (fromAt < traffic.toAt - DAY_MS) return [];
    attackedAt.set(key.index, fromAt);
    const durationMs = liveAt + seenMs + SILENCE_LASTS_MS - fromAt;
    return { kind: 'silence', keyIndex: key.index, fromAt, durationMs };
  });
}

function* attacks(
  traffic: Traffic,
  seed: number,
  liveAt: number,
  attackedAt: Map<number, number>,
): IterableIterator<AttackSpec> {
  const random = createRandom(seed, 0x6c697665);
  for (let i = 0; ; i++) {
    const after = FIRST_ATTACKS_MS[i];
    const last = FIRST_ATTACKS_MS.length - 1;
    const fromAt = liveAt + (after ?? FIRST_ATTACKS_MS[last]! + (i - last) * ATTACK_EVERY_MS);
    const kind = KINDS[i % KINDS.length]!;
    yield* aimed(LOOKS[kind], traffic, fromAt, random, attackedAt);
  }
}

/** The attack at a key that suits it; none where no key does. */
function aimed(
  look: Omit<AttackSpec, Spot>,
  traffic: Traffic,
  fromAt: number,
  random: Random,
  attackedAt: Map<number, number>,
): AttackSpec[] {
  const suited = traffic.keys.filter((key) => suits(look.kind, key, fromAt));
  const rested = suited.filter(
    ({ index }) => fromAt - (attackedAt.get(index) ?? Number.NEGATIVE_INFINITY) >= REST_MS,
  );
  const pool = rested.length > 0 ? rested : suited;
  if (pool.length === 0) return [];
  const key = random.pick(pool);
  attackedAt.set(key.index, fromAt);
  return [{ ...look, keyIndex: key.index, fromAt: Math.floor(fromAt) }];
}

function suits(kind: AttackKind, key: KeyProfile, at: number): boolean {
  switch (kind) {
    case 'off-hours':
      return key.class === 'office' && isNight(key, at);
    case 'stolen-key':
      return key.class === 'steady' || key.class === 'noisy';
    case 'error-burst':
      return key.class !== 'office' && key.errorShare < 0.05;
    default:
      return key.class === 'steady' || key.class === 'noisy';
  }
}

/** An hour on either side as well: the hour of the week must be one in which the key is never used. */
function isNight(key: KeyProfile, at: number): boolean {
  const local = at + zoneOffsetMs(key.home.zone, at);
  const hour = (local % DAY_MS) / HOUR_MS;
  return hour >= NIGHT.from || hour < NIGHT.to;
}
