/** The policy as the desk reads it: durations in ms, rules with a fingerprint each, one for all of it. */
import { createHash } from 'node:crypto';
import { readDuration } from '../core/duration.ts';
import type { Family, Severity } from '../core/finding.ts';
import { ACTING_RUNGS, type ActingRung, isActing, type Rung } from '../core/ladder.ts';
import { suggest } from '../core/suggest.ts';
import {
  type ParsedPolicy,
  type PolicyText,
  policySchema,
  type RungMode,
} from './policy-schema.ts';

export interface RungSetting {
  readonly mode: RungMode;
  readonly percent: number;
}

export interface PolicyRule {
  readonly name: string;
  readonly when: RuleCriteria;
  readonly rung: Rung;
  /** Ms; null: until lifted; undefined: the rung's own. */
  readonly forMs: number | null | undefined;
  /** Of what it matches and leads to: a changed rule is a new one. */
  readonly fingerprint: string;
}

export interface RuleCriteria {
  readonly leak?: boolean | undefined;
  readonly severityMin?: Exclude<Severity, 'none'> | undefined;
  readonly families?: readonly Family[] | undefined;
  readonly familiesMin?: number | undefined;
  readonly detectors?: readonly string[] | undefined;
  readonly consumers?: readonly string[] | undefined;
  readonly plans?: readonly string[] | undefined;
  readonly environments?: readonly string[] | undefined;
  readonly risks?: readonly string[] | undefined;
  readonly keys?: readonly string[] | undefined;
  readonly readiness?: readonly string[] | undefined;
}

export interface ThrottleSetting {
  readonly factor: number;
  readonly perMinuteMin: number;
  readonly perMinuteUnknown: number;
}

export interface Brakes {
  readonly holdMs: number;
  readonly budget: {
    readonly perHour: Readonly<Record<ActingRung, number>>;
    readonly consumerPercent: number;
    readonly youngPercent: number;
    readonly reservePercent: number;
    readonly trafficPercent: number;
    readonly trafficKeysFree: number;
  };
  readonly stale: {
    readonly lagNoRevokeMs: number;
    readonly lagNoSuspendMs: number;
    readonly lagAlertMs: number;
    readonly coldForMs: number;
    readonly placesDays: number;
    readonly travelDays: number;
  };
  readonly fleet: {
    readonly waitMs: number;
    readonly waitAloneMs: number;
    readonly consumers: number;
    readonly sharePercent: number;
    readonly backedSharePercent: number;
    readonly keys: number;
    readonly withinMs: number;
    readonly withinAloneMs: number;
    readonly agedMs: number;
  };
  readonly network: { readonly keys: number; readonly withinMs: number };
}

export interface Policy {
  /** Fingerprint: of everything that it says, defaults included. */
  readonly version: string;
  readonly ladder: Readonly<Record<ActingRung, RungSetting>>;
  readonly rules: readonly PolicyRule[];
  /** Ms; null: until lifted. */
  readonly durations: Readonly<Record<ActingRung, number | null>>;
  readonly limits: Readonly<Record<'throttle-soft' | 'throttle-hard', ThrottleSetting>>;
  readonly repeat: {
    readonly withinMs: number;
    readonly factor: number;
    readonly maxMs: number;
    readonly stepUpAfter: number;
    readonly highest: ActingRung;
  };
  readonly calm: { readonly ends: readonly ActingRung[]; readonly extend: boolean };
  readonly approval: { readonly withinMs: number };
  readonly brakes: Brakes;
}

/** What a rule finds wrong; `path` is where in the file. */
export interface PolicyFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly hint?: string;
}

/** Issue 6's ladder: mild evidence tells, and nothing that a key merely does takes it away for good. */
const DEFAULT_RULES: NonNullable<PolicyText['rules']> = [
  { name: 'proof of a leak', when: { leak: true }, rung: 'revoke' },
  { name: 'critical', when: { severityMin: 'critical' }, rung: 'suspend' },
  { name: 'high', when: { severityMin: 'high' }, rung: 'contain' },
  { name: 'low and medium', when: { severityMin: 'low' }, rung: 'alert' },
];

/** A new install: everything is shown, nothing is done. */
export const DEFAULT_POLICY: Policy = resolvePolicy(policySchema.parse({ version: 1 }));

/** All rungs switched on. Behaviour alone never revokes: only its rule for leaks leads there. */
export const DEFAULT_AUTOMATIC: Policy = resolvePolicy(
  policySchema.parse({
    version: 1,
    ladder: {
      'throttle-soft': 'automatic',
      'throttle-hard': 'automatic',
      contain: 'automatic',
      suspend: 'automatic',
      revoke: 'automatic',
    },
  }),
);

export function resolvePolicy(parsed: ParsedPolicy): Policy {
  const { budget, stale, fleet, network, hold } = parsed.brakes;
  const policy: Omit<Policy, 'version'> = {
    ladder: byRung((rung) => settingOf(parsed.ladder[rung])),
    rules: (parsed.rules ?? DEFAULT_RULES).map((rule) => {
      const { name, when, rung } = rule;
      const forMs = rule.for === undefined ? undefined : termOf(rule.for);
      return { name, when, rung, forMs, fingerprint: fingerprint({ when, rung }) };
    }),
    durations: byRung((rung) => termOf(parsed.durations[rung])),
    limits: parsed.limits,
    repeat: {
      withinMs: ms(parsed.repeat.within),
      factor: parsed.repeat.factor,
      maxMs: ms(parsed.repeat.max),
      stepUpAfter: parsed.repeat.stepUpAfter,
      highest: parsed.repeat.highest,
    },
    calm: parsed.calm,
    approval: { withinMs: ms(parsed.approval.within) },
    brakes: {
      holdMs: ms(hold),
      budget: {
        perHour: byRung((rung) => budget[rung]),
        consumerPercent: budget.consumerPercent,
        youngPercent: budget.youngPercent,
        reservePercent: budget.reservePercent,
        trafficPercent: budget.trafficPercent,
        trafficKeysFree: budget.trafficKeysFree,
      },
      stale: {
        lagNoRevokeMs: ms(stale.lagNoRevoke),
        lagNoSuspendMs: ms(stale.lagNoSuspend),
        lagAlertMs: ms(stale.lagAlert),
        coldForMs: ms(stale.coldFor),
        placesDays: stale.placesDays,
        travelDays: stale.travelDays,
      },
      fleet: {
        waitMs: ms(fleet.wait),
        waitAloneMs: ms(fleet.waitAlone),
        consumers: fleet.consumers,
        sharePercent: fleet.sharePercent,
        backedSharePercent: fleet.backedSharePercent,
        keys: fleet.keys,
        withinMs: ms(fleet.within),
        withinAloneMs: ms(fleet.withinAlone),
        agedMs: ms(fleet.aged),
      },
      network: { keys: network.keys, withinMs: ms(network.within) },
    },
  };
  return Object.freeze({ version: fingerprint(policy), ...policy });
}

/** What the schema cannot say. `detectors`: ids of all there are. */
export function policyFaults(parsed: ParsedPolicy, detectors: readonly string[]): PolicyFault[] {
  const faults: PolicyFault[] = [];
  (parsed.rules ?? []).forEach((rule, i) => {
    const at = (...rest: (string | number)[]) => ['rules', i, ...rest];
    const twin = parsed.rules!.findIndex(({ name }) => name === rule.name);
    if (twin !== i) faults.push({ path: at('name'), message: `rules[${twin}] has this name too` });
    rule.when.detectors?.forEach((id, k) => {
      if (detectors.includes(id)) return;
      const nearest = suggest(id, detectors);
      const hint =
        nearest === undefined ? `One of ${detectors.join(', ')}.` : `Did you mean ${nearest}?`;
      faults.push({ path: at('when', 'detectors', k), message: 'unknown detector', hint });
    });
    const { leak, severityMin, familiesMin = 0 } = rule.when;
    const strong = severityMin === 'critical' && familiesMin >= 2;
    if (rule.rung === 'revoke' && leak !== true && !strong) {
      faults.push({
        path: at('rung'),
        message: 'behaviour alone does not revoke',
        hint: 'Add severityMin: critical and familiesMin: 2 to when:, or leak: true.',
      });
    }
    if (rule.for !== undefined && !isActing(rule.rung)) {
      const message = `${rule.rung} does not last; for: is for rungs that act`;
      faults.push({ path: at('for'), message });
    }
  });
  const { stale, fleet } = parsed.brakes;
  const path = ['brakes', 'fleet', 'wait'];
  if (ms(fleet.wait) < 5000) faults.push({ path, message: 'must be at least 5s, one span' });
  if (ms(fleet.waitAlone) < ms(fleet.wait)) {
    faults.push({
      path: ['brakes', 'fleet', 'waitAlone'],
      message: 'must not be shorter than wait',
    });
  }
  if (
    ms(stale.lagNoRevoke) > ms(stale.lagNoSuspend) ||
    ms(stale.lagNoSuspend) > ms(stale.lagAlert)
  ) {
    faults.push({
      path: ['brakes', 'stale'],
      message: 'must grow from lagNoRevoke over lagNoSuspend to lagAlert',
    });
  }
  return faults;
}

function byRung<T>(of: (rung: ActingRung) => T): Record<ActingRung, T> {
  return Object.fromEntries(ACTING_RUNGS.map((rung) => [rung, of(rung)])) as Record<ActingRung, T>;
}

function settingOf(setting: ParsedPolicy['ladder'][ActingRung]): RungSetting {
  if (typeof setting === 'string') return { mode: setting, percent: 100 };
  return setting;
}

function termOf(text: string): number | null {
  return text === 'until-lifted' ? null : ms(text);
}

function ms(text: string): number {
  return readDuration(text) ?? 0;
}

/** Of plain JSON, whatever the order of its keys. 12 characters of SHA-256. */
export function fingerprint(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex').slice(0, 12);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
