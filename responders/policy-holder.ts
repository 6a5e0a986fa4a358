/**
 * The policy in force. A new one takes the place of the old one whole or not at all, and each rung and rule
 * remembers since when it is switched on: evidence from before is not acted upon.
 */
import { hash32 } from '../core/hash.ts';
import { ACTING_RUNGS, type ActingRung } from '../core/ladder.ts';
import type { Policy, PolicyRule } from './policy.ts';
import type { RungMode } from './policy-schema.ts';

/** Up to this share of the keys it is on since then. */
interface Step {
  readonly percent: number;
  /** Epoch ms. */
  readonly sinceAt: number;
}

interface RungFacts {
  readonly mode: RungMode;
  /** By growing percent. */
  readonly steps: readonly Step[];
}

/** What has to outlive a restart; plain JSON. */
export interface HolderFacts {
  readonly rungs: Readonly<Partial<Record<ActingRung, RungFacts>>>;
  /** Fingerprints of rules, and since when they hold, epoch ms. */
  readonly rules: Readonly<Record<string, number>>;
}

/** How a rung is set for one key. */
export interface KeySetting {
  readonly mode: RungMode;
  /** Epoch ms; evidence has to be newer. */
  readonly sinceAt: number;
}

export interface PolicyHolder {
  readonly policy: Policy;
  /** Why the last reload was refused; undefined when it was not. */
  readonly fault: string | undefined;
  setting(rung: ActingRung, subjectId: string): KeySetting;
  /** Since when a rule holds, epoch ms. */
  ruleSince(rule: PolicyRule): number;
  replace(policy: Policy, nowMs: number): void;
  /** Takes what `read` answers; keeps what is in force, and answers false, when it throws. */
  reload(read: () => Policy, nowMs: number): boolean;
  /** To be kept after each change. */
  facts(): HolderFacts;
}

/** `facts`: as they were kept; left out: all that is switched on is switched on now. */
export function createPolicyHolder(
  first: Policy,
  nowMs: number,
  facts: HolderFacts = { rungs: {}, rules: {} },
): PolicyHolder {
  let policy = first;
  let known = follow(facts, first, nowMs);
  let fault: string | undefined;
  const replace = (next: Policy, at: number): void => {
    const followed = follow(known, next, at);
    policy = next;
    known = followed;
    fault = undefined;
  };
  return {
    get policy() {
      return policy;
    },
    get fault() {
      return fault;
    },
    setting(rung, subjectId) {
      const { mode, steps } = known.rungs[rung]!;
      if (mode === 'off') return { mode, sinceAt: Number.POSITIVE_INFINITY };
      const share = shareOf(subjectId);
      const step = steps.find(({ percent }) => share < percent);
      if (step === undefined) return { mode: 'off', sinceAt: Number.POSITIVE_INFINITY };
      return { mode, sinceAt: step.sinceAt };
    },
    ruleSince: (rule) => known.rules[rule.fingerprint] ?? Number.POSITIVE_INFINITY,
    replace,
    reload(read, at) {
      try {
        replace(read(), at);
        return true;
      } catch (error) {
        fault = error instanceof Error ? error.message : 'it cannot be read';
        return false;
      }
    },
    facts: () => known,
  };
}

/** 0 to under 100, the same for a key wherever and whenever it is asked. */
export function shareOf(subjectId: string): number {
  const bytes = new TextEncoder().encode(`percent|${subjectId}`);
  return (hash32(bytes, 0, bytes.length) / 2 ** 32) * 100;
}

function follow(facts: HolderFacts, policy: Policy, nowMs: number): HolderFacts {
  const rungs: Partial<Record<ActingRung, RungFacts>> = {};
  for (const rung of ACTING_RUNGS) {
    const { mode, percent } = policy.ladder[rung];
    const before = facts.rungs[rung];
    const on = before !== undefined && before.mode !== 'off' ? before.steps : [];
    // From approval to automatic is a switch too: what people left alone is not acted upon behind their backs.
    const kept = before?.mode === mode || mode === 'approval' ? on : [];
    rungs[rung] = { mode, steps: mode === 'off' ? [] : stepped(kept, percent, nowMs) };
  }
  const rules: Record<string, number> = {};
  for (const { fingerprint } of policy.rules)
    rules[fingerprint] = facts.rules[fingerprint] ?? nowMs;
  return { rungs, rules };
}

function stepped(steps: readonly Step[], percent: number, nowMs: number): Step[] {
  const kept: Step[] = [];
  for (const step of steps) {
    const last = kept.at(-1)?.percent ?? 0;
    if (last >= percent) break;
    kept.push({ ...step, percent: Math.min(step.percent, percent) });
  }
  if ((kept.at(-1)?.percent ?? 0) < percent) kept.push({ percent, sinceAt: nowMs });
  return kept;
}
