/**
 * A gateway that only counts: what standing decisions would have refused of a history. It asks per request, as the
 * decision endpoint does, so it can every rung; a decision takes effect a while after it was made.
 */
import type { Decision } from '../../core/decision.ts';
import type { ApiEvent } from '../../core/event.ts';
import { departureOf, type KeyProfile } from '../../core/key-profile.ts';
import {
  type ActingRung,
  compareRungs,
  isActing,
  isThrottle,
  type RateLimit,
} from '../../core/ladder.ts';
import { refilled } from '../../core/limits.ts';
import { LIMITED_BY } from '../../core/record.ts';

interface Standing {
  readonly decision: string;
  readonly rung: ActingRung;
  readonly limit: RateLimit | undefined;
  readonly profile: KeyProfile | undefined;
  /** Epoch ms. */
  readonly fromAt: number;
  untilAt: number;
  /** Of a throttle: tokens left, and when. */
  tokens: number;
  at: number;
}

export interface Refusal {
  readonly decision: string;
  readonly rung: ActingRung;
}

export interface Effect extends Refusal {
  readonly key: string;
  /** Epoch ms. */
  readonly fromAt: number;
  readonly limit: RateLimit | undefined;
  readonly profile: KeyProfile | undefined;
}

export class MadeGateway {
  private readonly keys = new Map<string, Standing[]>();
  private readonly delayOf: (key: string) => number;

  /** `delayOf`: ms until a decision about a key is in effect. */
  constructor(delayOf: (key: string) => number) {
    this.delayOf = delayOf;
  }

  /** Takes a revision. Answers what begins to be in effect by it, if anything. */
  put(decision: Decision, nowMs: number, profile: KeyProfile | undefined): Effect | undefined {
    const { id, rung, state, limit, untilAt } = decision;
    const key = decision.subject.id;
    if (!isActing(rung)) return undefined;
    const delayMs = this.delayOf(key);
    const known = this.keys.get(key)?.find((one) => one.decision === id);
    const endsAt = untilAt === null ? Number.POSITIVE_INFINITY : Date.parse(untilAt);
    const until = endsAt + delayMs;
    if (known !== undefined) {
      known.untilAt = state === 'standing' ? until : nowMs + delayMs;
      return undefined;
    }
    if (state !== 'standing') return undefined;
    const fromAt = nowMs + delayMs;
    const standing = { decision: id, rung, limit, profile, fromAt, untilAt: until };
    const tokens = limit?.requests ?? 0;
    this.keys.set(key, [...(this.keys.get(key) ?? []), { ...standing, tokens, at: fromAt }]);
    return { decision: id, rung, key, fromAt, limit, profile };
  }

  /** What would have refused a request; undefined: nothing. */
  refuses(event: ApiEvent): Refusal | undefined {
    if (this.keys.size === 0) return undefined;
    const { at, key } = event;
    const all = this.keys.get(key.id);
    if (all === undefined) return undefined;
    let strictest: Standing | undefined;
    let isOld = false;
    for (const one of all) {
      if (one.untilAt <= at) isOld = true;
      else if (one.fromAt <= at) {
        if (strictest === undefined || compareRungs(one.rung, strictest.rung) > 0) strictest = one;
      }
    }
    if (isOld) this.forget(key.id, all, at);
    if (strictest === undefined || !isRefusedBy(strictest, event)) return undefined;
    return { decision: strictest.decision, rung: strictest.rung };
  }

  /** What came late may still meet what has ended. */
  private forget(key: string, all: readonly Standing[], at: number): void {
    const kept = all.filter(({ untilAt }) => untilAt > at - LATE_MS);
    if (kept.length > 0) this.keys.set(key, kept);
    else this.keys.delete(key);
  }
}

const LATE_MS = 3_600_000;

function isRefusedBy(standing: Standing, event: ApiEvent): boolean {
  const { rung, limit, profile } = standing;
  if (rung === 'suspend' || rung === 'revoke') return true;
  if (rung === 'contain') return profile === undefined || departureOf(profile, event) !== undefined;
  if (limit === undefined) return false;
  standing.tokens = refilled(standing.tokens, limit, event.at - standing.at);
  standing.at = Math.max(standing.at, event.at);
  if (standing.tokens < 1) return true;
  standing.tokens -= 1;
  return false;
}

/** Makes of a request of the history what it would have been. */
export function refuse(event: ApiEvent, { rung }: Refusal): void {
  event.limitedBy = LIMITED_BY.keyhound;
  event.status = isThrottle(rung) ? 429 : 403;
}

/** The gateway of the history refused it itself. */
export function wasRefused({ limitedBy, status }: ApiEvent): boolean {
  return limitedBy !== LIMITED_BY.nobody || status === 401 || status === 403 || status === 429;
}
