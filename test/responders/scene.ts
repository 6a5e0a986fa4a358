/** A desk with made-up surroundings, and incidents to tell it. */
import type { Calendar } from '../../core/calendar.ts';
import { toIso } from '../../core/clock.ts';
import type { KeyEntry } from '../../core/config.ts';
import type { Decision } from '../../core/decision.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import {
  type Family,
  type Finding,
  type Incident,
  type KeyFacts,
  severityOf,
} from '../../core/finding.ts';
import { ACTING_RUNGS, type ActingRung } from '../../core/ladder.ts';
import type { AllowSubject, DeskEnv, DeskHealth } from '../../responders/desk/case.ts';
import type { Desk } from '../../responders/desk/contract.ts';
import { createDesk } from '../../responders/desk.ts';
import { DEFAULT_AUTOMATIC, type Policy } from '../../responders/policy.ts';
import { createPolicyHolder, type PolicyHolder } from '../../responders/policy-holder.ts';

export const T0 = Date.parse('2026-03-02T10:00:00Z');
export const SECOND = 1000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

const FAMILY_OF: Readonly<Record<string, readonly [Family, number]>> = {
  'volume-spike': ['volume', 300],
  'volume-drop': ['volume', 6.9],
  'error-rate': ['errors', 300],
  latency: ['content', 5.5],
  'new-place': ['place', 5.5],
  'impossible-travel': ['place', 5.5],
  spread: ['place', 5.5],
  scope: ['credential', 300],
  enumeration: ['content', 300],
  endpoint: ['content', 6.9],
  leak: ['credential', 300],
};

/** What a detector says of a key: its id, its score, and what else differs. */
export type Said = readonly [detector: string, score: number, change?: Partial<Finding>];

export interface World {
  readonly desk: Desk;
  readonly holder: PolicyHolder;
  /** Revisions, as they were told. */
  readonly told: Decision[];
  readonly notices: string[];
  /** Latest revision of each decision, in the order of their first. */
  decisions(): Decision[];
  /** What is in effect: `KEY rung`. */
  standing(nowMs: number): string[];
  /** Tells findings and the incident of a key; a second call is its next revision. */
  tell(key: string, said: readonly Said[], nowMs: number, change?: Partial<Incident>): Incident;
  close(key: string, nowMs: number, change?: Partial<Incident>): void;
  /** Ticks each second, or so often, from the last tick to that instant. */
  until(nowMs: number, everyMs?: number): void;
}

export interface WorldOptions {
  readonly policy?: Policy;
  readonly entries?: readonly Partial<KeyEntry>[];
  readonly env?: Partial<DeskEnv>;
  readonly health?: Partial<DeskHealth>;
  readonly calendar?: Calendar;
  readonly holder?: PolicyHolder;
}

export const KEY: KeyFacts = {
  firstAt: toIso(T0 - 60 * DAY),
  events: 100_000,
  usualPerHour: 600,
  busyPerHour: 1200,
  readiness: {},
};

export function createWorld(options: WorldOptions = {}): World {
  const told: Decision[] = [];
  const notices: string[] = [];
  const holder = options.holder ?? createPolicyHolder(options.policy ?? DEFAULT_AUTOMATIC, 0);
  const desk = createDesk({
    holder,
    directory: directoryOf(options.entries ?? []),
    ...(options.calendar === undefined ? {} : { calendar: options.calendar }),
    env: { ...environment(options.health), ...options.env },
    onDecision: (decision) => told.push(decision),
    onNotice: ({ text }) => notices.push(text),
  });
  const incidents = new Map<string, Incident>();
  const openings = new Map<string, string>();
  let tickedAt = T0;
  const decisions = (): Decision[] => [...new Map(told.map((one) => [one.id, one])).values()];
  return {
    desk,
    holder,
    told,
    notices,
    decisions,
    standing: (nowMs) =>
      [...new Set(decisions().map(({ subject }) => subject.id))].flatMap((id) =>
        desk.standing(id, nowMs).map(({ rung }) => `${id} ${rung}`),
      ),
    tell(key, said, nowMs, change = {}) {
      const before = incidents.get(key);
      const findings = said.map(([detector, score, more]) => {
        const name = `fnd_${key}_${detector}`;
        if (!openings.has(name)) openings.set(name, toIso(nowMs));
        return makeFinding(key, detector, score, nowMs, {
          openedAt: openings.get(name)!,
          revision: (before?.revision ?? 0) + 1,
          ...more,
        });
      });
      const incident = makeIncident(key, findings, nowMs, before, change);
      incidents.set(key, incident);
      for (const finding of findings) desk.finding(finding, nowMs);
      desk.incident(incident, nowMs);
      return incident;
    },
    close(key, nowMs, change = {}) {
      const before = incidents.get(key);
      if (before === undefined) return;
      const revision = before.revision + 1;
      incidents.delete(key);
      desk.incident({ ...before, revision, closedAt: toIso(nowMs), ...change }, nowMs);
    },
    until(nowMs, everyMs = SECOND) {
      while (tickedAt + everyMs <= nowMs) {
        tickedAt += everyMs;
        desk.tick(tickedAt);
      }
    },
  };
}

function environment(health: Partial<DeskHealth> = {}): DeskEnv {
  return {
    rungsOf: () => new Set<ActingRung>(ACTING_RUNGS),
    asksPerRequest: () => false,
    isAllowed: (_subject: AllowSubject) => false,
    trafficPerHour: () => 1_000_000,
    health: () => ({ lagMs: 0, geographyAgeDays: 10, storesAway: [], ...health }),
  };
}

function directoryOf(entries: readonly Partial<KeyEntry>[]): KeyDirectory {
  const whole = entries.map(
    (entry): KeyEntry => ({
      id: 'kong:1',
      risk: 'normal',
      exposure: 'secret',
      protected: false,
      ...entry,
    }),
  );
  const byId = new Map(whole.map((entry) => [entry.id, entry]));
  return {
    version: '1',
    size: whole.length,
    entry: (id) => byId.get(id),
    declared: () => undefined,
    withLabel: (label) => whole.filter((entry) => entry.label === label),
    all: () => whole,
  };
}

export function makeFinding(
  key: string,
  detector: string,
  score: number,
  nowMs: number,
  change: Partial<Finding>,
): Finding {
  const [family, alone] = FAMILY_OF[detector]!;
  return {
    type: 'finding',
    id: `fnd_${key}_${detector}`,
    revision: 1,
    detector,
    family,
    subject: { kind: 'key', id: key },
    fromAt: toIso(nowMs),
    toAt: toIso(nowMs),
    score,
    severity: severityOf(Math.min(score, alone), false),
    observed: {},
    expected: {},
    why: `${detector} scores ${score}`,
    closedAt: null,
    trust: 'act',
    parts: [],
    versions: {},
    ...change,
  };
}

/** Risk as detection sums it up, for findings of different causes. */
export function makeIncident(
  key: string,
  findings: readonly Finding[],
  nowMs: number,
  before: Incident | undefined,
  change: Partial<Incident>,
): Incident {
  const scores = findings.map((finding) => finding.score).sort((a, b) => b - a);
  const others = scores.slice(1).reduce((sum, score) => sum + Math.max(0, score - 4) / 2, 0);
  const one = findings[0]!;
  const isAlone = findings.length === 1;
  const risk = scores[0]! + Math.min(2, others);
  return {
    type: 'incident',
    id: `inc_${key}`,
    revision: (before?.revision ?? 0) + 1,
    subject: { kind: 'key', id: key },
    openedAt: before?.openedAt ?? toIso(nowMs),
    updatedAt: toIso(nowMs),
    closedAt: null,
    severity: isAlone ? one.severity : severityOf(risk, scores.filter((s) => s >= 5).length >= 2),
    risk,
    families: [...new Set(findings.map(({ family }) => family))],
    findings: findings.map(({ id }) => id),
    key: KEY,
    why: findings.map(({ why }) => why).join('. '),
    ...change,
  };
}
