/** The ladder of design.md §6, mildest first. Nothing of ours ever deletes for good. */
export const RUNGS = [
  'observe',
  'alert',
  'warn',
  'throttle-soft',
  'throttle-hard',
  'contain',
  'suspend',
  'revoke',
] as const;
export type Rung = (typeof RUNGS)[number];

/** Rungs that change something at a gateway; the others only tell people. */
export const ACTING_RUNGS = [
  'throttle-soft',
  'throttle-hard',
  'contain',
  'suspend',
  'revoke',
] as const satisfies readonly Rung[];
export type ActingRung = (typeof ACTING_RUNGS)[number];

export function isActing(rung: Rung): rung is ActingRung {
  return (ACTING_RUNGS as readonly Rung[]).includes(rung);
}

export function isThrottle(rung: Rung): boolean {
  return rung === 'throttle-soft' || rung === 'throttle-hard';
}

export function isRung(word: string): word is Rung {
  return (RUNGS as readonly string[]).includes(word);
}

/** Below zero when `a` is the milder one. */
export function compareRungs(a: Rung, b: Rung): number {
  return RUNGS.indexOf(a) - RUNGS.indexOf(b);
}

export function stricter(a: Rung, b: Rung): Rung {
  return compareRungs(a, b) >= 0 ? a : b;
}

export function milder(a: Rung, b: Rung): Rung {
  return compareRungs(a, b) <= 0 ? a : b;
}

/**
 * The next best rung at or below the one wanted, of those that a gateway can; 'alert' where it can none of them.
 * What is milder than a throttle needs no gateway.
 */
export function nextBest(wanted: Rung, can: ReadonlySet<Rung>): Rung {
  for (let i = RUNGS.indexOf(wanted); i > 0; i--) {
    const rung = RUNGS[i]!;
    if (!isActing(rung) || can.has(rung)) return rung;
  }
  return 'observe';
}

/** At most `requests` in each window. */
export interface RateLimit {
  readonly requests: number;
  readonly windowMs: number;
}
