/** Which limits hold for a key: the layers of the configuration, what was learned, and what changes both. */
import type { DecideConfig } from '../core/config-response.ts';
import { KeyhoundError } from '../core/errors.ts';
import type { RateLimit } from '../core/ladder.ts';
import type { KeyFacts } from './contract.ts';

export interface Layer {
  /** Named in RateLimit-Policy. */
  readonly name: string;
  readonly limit: RateLimit;
  /** False: shown, never enforced. */
  readonly enforce: boolean;
}

/** The layers of a key; shared by all keys for which the same hold. */
export interface LimitSet {
  readonly layers: readonly Layer[];
  /** Value of RateLimit-Policy. */
  readonly policy: string;
}

export const NO_LIMITS: LimitSet = Object.freeze({ layers: [], policy: '' });

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `10s`, `1m`, `1h`, `30d` in ms; undefined when it is no window. */
export function windowMsOf(text: string): number | undefined {
  const match = /^([1-9]\d{0,5})([smhd])$/.exec(text);
  return match === null ? undefined : Number(match[1]) * UNITS[match[2]!]!;
}

interface PlanLayer extends Layer {
  readonly plans: readonly string[] | undefined;
}

/** Throws `usage` on a window that cannot be read, and on a name that is there twice. */
export function planLayers(limits: DecideConfig['limits']): (plan: string) => readonly Layer[] {
  const all: PlanLayer[] = limits.map(({ name, requests, window, plans, enforce }) => {
    const windowMs = windowMsOf(window);
    if (windowMs !== undefined) return { name, limit: { requests, windowMs }, enforce, plans };
    throw new KeyhoundError('usage', `decide.limits: ${name}: ${window} is no window`, {
      code: 'decide-window',
      hint: 'A number and s, m, h or d: 1s, 1m, 1h, 1d, 30d.',
    });
  });
  const byPlan = new Map<string, readonly Layer[]>();
  return (plan) => {
    const known = byPlan.get(plan);
    if (known !== undefined) return known;
    const own = all.filter(({ plans }) => plans?.includes(plan) ?? true);
    // Plans come from the registry: few.
    if (byPlan.size < 1000) byPlan.set(plan, own);
    return own;
  };
}

export function limitSet(layers: readonly Layer[]): LimitSet {
  if (layers.length === 0) return NO_LIMITS;
  return Object.freeze({ layers, policy: layers.map(policyItem).join(', ') });
}

/** An item of RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers). */
export function policyItem({ name, limit }: Layer): string {
  return `"${name}";q=${limit.requests};w=${Math.ceil(limit.windowMs / 1000)}`;
}

/** Answers the layers that hold for a key of these facts. */
export type LayersOf = (facts: KeyFacts | undefined, now: number) => readonly Layer[];
