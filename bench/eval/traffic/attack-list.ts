/** The attacks that are tried from every history, and for how long each is watched. */
import type { AttackSpec, KeyProfile } from '../../../traffic/contract.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export interface Attack {
  readonly name: string;
  /** Undefined: nothing is done, to see what would have come anyway. */
  readonly spec?: Omit<AttackSpec, 'keyIndex' | 'fromAt'>;
  readonly watchMs: number;
  /** Which keys it makes sense on. Default all but office keys, which sleep two thirds of the time. */
  readonly suits?: (key: KeyProfile) => boolean;
  /** Local hour at which it begins; default any. */
  readonly localHour?: number;
  /** Watches shorter on fast keys: no more than this many requests of the attack. */
  readonly requestsMax?: number;
}

const any = (): boolean => true;
const awake = (key: KeyProfile): boolean => key.class !== 'office';

export const ATTACKS: readonly Attack[] = [
  { name: 'nothing at all, 6 h', watchMs: 6 * HOUR_MS, suits: any },
  ...[2, 5, 9.12, 100, 1000].map((factor) => ({
    name: `×${factor}`,
    spec: { kind: 'spike', factor, durationMs: 30 * MINUTE_MS } as const,
    watchMs: 30 * MINUTE_MS,
    requestsMax: 20_000,
  })),
  {
    name: 'drop to a tenth',
    spec: { kind: 'drop', durationMs: 8 * HOUR_MS },
    watchMs: 8 * HOUR_MS,
  },
  { name: 'silence', spec: { kind: 'silence', durationMs: 8 * HOUR_MS }, watchMs: 8 * HOUR_MS },
  ...(['forbidden', 'notFound', 'server'] as const).map((errorClass) => ({
    name: `errors to 60 % (${errorClass})`,
    spec: { kind: 'error-share', errorShare: 0.6, errorClass, durationMs: 4 * HOUR_MS } as const,
    watchMs: 4 * HOUR_MS,
  })),
  watched('stolen-key', HOUR_MS),
  watched('new-country', 6 * HOUR_MS),
  watched('impossible-travel', HOUR_MS),
  watched('sharing', 2 * HOUR_MS),
  {
    name: 'off-hours',
    spec: { kind: 'off-hours', durationMs: 3 * HOUR_MS },
    watchMs: 3 * HOUR_MS,
    suits: (key) => key.class === 'office',
    localHour: 2,
  },
  watched('exfiltration', 6 * HOUR_MS),
  watched('huge-answer', 10 * MINUTE_MS),
  watched('enumeration', HOUR_MS),
  watched('random-ids', HOUR_MS),
  // As slow as the key itself, so that the number of requests tells little.
  ...(['enumeration', 'random-ids'] as const).map((kind) => ({
    name: `${kind}, slow`,
    spec: { kind, factor: 2, rateMin: 0, durationMs: 3 * HOUR_MS } as const,
    watchMs: 3 * HOUR_MS,
  })),
  watched('scanner', HOUR_MS),
  { ...watched('browser', HOUR_MS), suits: (key) => awake(key) && key.origin === '' },
];

function watched(kind: AttackSpec['kind'], watchMs: number): Attack {
  return { name: kind, spec: { kind, durationMs: watchMs }, watchMs };
}

export function suits(attack: Attack, key: KeyProfile): boolean {
  return (attack.suits ?? awake)(key);
}
