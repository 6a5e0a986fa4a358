/** Use of a key → answer. Everything is in memory and nothing waits. */
import type { Clock } from '../core/clock.ts';
import { departureOf } from '../core/key-profile.ts';
import { compareRungs } from '../core/ladder.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Answer, AskedUse } from './contract.ts';
import type { KeyNames } from './key-names.ts';
import { KEYS_MAX } from './key-places.ts';
import type { Limits } from './limits.ts';
import type { ReadUse } from './profiled-use.ts';

export interface DeciderOptions {
  readonly clock: Clock;
  readonly names: KeyNames;
  readonly verdicts: { find(key: string): Verdict | undefined };
  readonly limits: Limits;
  readonly readUse: ReadUse;
}

/** Answers into `answer`. */
export type Decide = (use: AskedUse, answer: Answer) => void;

export function createAnswer(): Answer {
  return { decision: 'allow', key: '', limits: undefined, use: undefined, sunsetAt: undefined };
}

export function createDecider(options: DeciderOptions): Decide {
  const { clock, limits, names, readUse, verdicts } = options;
  const strictest = (ids: readonly string[]): Verdict | undefined => {
    let found: Verdict | undefined;
    for (const id of ids) found = stricterOf(found, verdicts.find(id));
    return found;
  };
  return (use, answer) => {
    answer.decision = 'allow';
    answer.key = '';
    answer.limits = undefined;
    answer.use = undefined;
    answer.sunsetAt = undefined;
    let ids: readonly string[] | undefined;
    let verdict: Verdict | undefined;
    if (use.keyId !== undefined) {
      ids = [use.keyId];
      verdict = strictest(ids);
    }
    // Of several keys the one with the strictest verdict counts: which of them the service takes is not known here.
    for (let i = 0; i < use.rawKeys.length && i < KEYS_MAX; i++) {
      const own = names(use.rawKeys[i]!);
      const stands = strictest(own);
      const stricter = stricterOf(verdict, stands);
      if (ids !== undefined && stricter === verdict) continue;
      ids = own;
      verdict = stricter;
    }
    if (ids === undefined) return;
    answer.key = ids[0]!;
    if (verdict !== undefined && isRefused(verdict, use, readUse)) {
      answer.decision = 'refuse';
      return;
    }
    limits.take(ids, verdict, clock.now(), answer);
  };
}

function isRefused({ rung, profile }: Verdict, use: AskedUse, readUse: ReadUse): boolean {
  if (rung === 'suspend' || rung === 'revoke') return true;
  if (rung !== 'contain') return false;
  // Without a profile nothing is known to be good.
  return profile === undefined || departureOf(profile, readUse(use)) !== undefined;
}

/** The one that stands first where both are as strict. */
function stricterOf(a: Verdict | undefined, b: Verdict | undefined): Verdict | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return compareRungs(b.rung, a.rung) > 0 ? b : a;
}
