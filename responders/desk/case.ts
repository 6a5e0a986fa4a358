/** What is judged: one incident of a key with its findings, and the world around it. */
import type { Calendar } from '../../core/calendar.ts';
import type { KeyEntry } from '../../core/config.ts';
import type { Finding, Incident, KeyFacts } from '../../core/finding.ts';
import type { ActingRung } from '../../core/ladder.ts';
import type { KeyProfile } from '../../core/verdict.ts';
import type { PolicyHolder } from '../policy-holder.ts';

/** What an allowance is held against. */
export interface AllowSubject {
  readonly subjectId: string;
  readonly label?: string | undefined;
  readonly consumer?: string | undefined;
  readonly detector?: string | undefined;
  /** ISO 3166-1 alpha-2 code; left out where nobody knows. */
  readonly place?: string | undefined;
}

export interface DeskHealth {
  /** How far behind the wall clock what is judged is, ms. */
  readonly lagMs: number;
  /** Age of the geography data. */
  readonly geographyAgeDays: number;
  /** Names of stores that cannot be reached. */
  readonly storesAway: readonly string[];
  /** Since when detection learns anew, epoch ms; undefined when its state was restored whole. */
  readonly coldSinceMs?: number | undefined;
}

/** What the desk asks its surroundings; every answer at once, from memory. */
export interface DeskEnv {
  /** What gateways that cover the key can, all together; empty: none does, people are told. */
  rungsOf(subjectId: string): ReadonlySet<ActingRung>;
  /** A gateway asks per request for this key: `contain` is possible. */
  asksPerRequest(subjectId: string): boolean;
  isAllowed(subject: AllowSubject, atMs: number): boolean;
  /** Whether the rule that silences a finding is one of the allowlist; detection knows its network, we do not. */
  isAllowance?(ruleId: string): boolean;
  /** Requests of all keys in an hour of late; undefined where it is not known. */
  trafficPerHour(): number | undefined;
  health(): DeskHealth;
  /** What the key was used for before the incident, where the incident does not say. */
  profileOf?(incidentId: string): KeyProfile | undefined;
  /** The key as it stands now, where no incident says it: by hand, and after a restart. */
  factsNow?(subjectId: string): KeyFacts | undefined;
  /** Where the registry does not say. */
  consumerOf?(subjectId: string): string | undefined;
  /** Whether a decision holds nowhere yet: every action of it failed so far, and is tried again. */
  isPutOff?(decisionId: string): boolean;
  /** Aged keys in use of late. */
  activeKeys?(): number | undefined;
}

export interface Case {
  readonly incident: Incident;
  /** Latest revisions, those of the incident that are known. */
  readonly findings: readonly Finding[];
  readonly key: KeyFacts | undefined;
  readonly entry: KeyEntry | undefined;
  /** '' where nobody knows. */
  readonly consumer: string;
  /** When this revision of the incident was told, epoch ms. */
  readonly toldMs: number;
  /** When a finding was told for the first time, epoch ms. */
  firstToldMs(findingId: string): number;
}

export interface Scene {
  readonly holder: PolicyHolder;
  readonly env: DeskEnv;
  readonly calendar: Calendar;
  readonly nowMs: number;
}

/** Whose vote it is and whose share of the budget: a key that belongs to nobody known stands for itself. */
export function ownerOf({ consumer, incident }: Case): string {
  return consumer === '' ? `key ${incident.subject.id}` : `consumer ${consumer}`;
}

/** Whether the key has been in use for so long. A key of which nothing is known counts as aged. */
export function isAged({ key }: Case, agedMs: number, nowMs: number): boolean {
  return key === undefined || nowMs - Date.parse(key.firstAt) >= agedMs;
}

/** When it was first told, epoch ms. */
export function openedAt(finding: Finding): number {
  return Date.parse(finding.openedAt ?? finding.fromAt);
}
