/** Findings and incidents: the words of design.md §1 as the JSON lines of contracts.md. */

import type { CalendarWindow } from './calendar.ts';
import type { ClosedAs, LeakNotice } from './control.ts';
import type { Declared } from './directory.ts';
import type { Route } from './event.ts';
import type { KeyProfile } from './key-profile.ts';

export const FAMILIES = ['volume', 'errors', 'place', 'time', 'content', 'credential'] as const;
export type Family = (typeof FAMILIES)[number];

export const SEVERITIES = ['none', 'info', 'low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const SUBJECT_KINDS = ['key', 'consumer', 'network', 'fleet'] as const;
export type SubjectKind = (typeof SUBJECT_KINDS)[number];

export interface SubjectName {
  readonly kind: SubjectKind;
  readonly id: string;
  readonly label?: string;
}

/** Scores are −log10 of a probability, capped so that they stay finite. */
export const SCORE_MAX = 300;

export type Facts = Readonly<Record<string, number | string | readonly string[]>>;

/** One line `{"type":"finding"}`. A higher revision of the same id replaces the line before. */
export interface Finding {
  readonly type: 'finding';
  readonly id: string;
  readonly revision: number;
  readonly detector: string;
  readonly family: Family;
  readonly subject: SubjectName;
  /** When it was first told; no revision changes it. Absent in what versions before 0.2 have kept. */
  readonly openedAt?: string;
  /** Where its evidence begins; a later revision may reach back further. */
  readonly fromAt: string;
  readonly toAt: string;
  readonly score: number;
  readonly severity: Severity;
  readonly observed: Facts;
  readonly expected: Facts;
  readonly why: string;
  /** What exactly it is about, e.g. the route; left out where the texts in `observed` say it (aboutOf). */
  readonly about?: string;
  /** Null while the episode lasts. */
  readonly closedAt: string | null;
  /** Weakest evidence caps the rung: `observe` never acts. */
  readonly trust: 'observe' | 'act';
  /** Each part's share of the score; they add up to it. */
  readonly parts: readonly { readonly name: string; readonly score: number }[];
  /** What made it: detector version and, for places, the geography data's version. */
  readonly versions: Readonly<Record<string, string | number>>;
  /** Id of the rule (core/control.ts) that keeps it from raising an alert. */
  readonly silencedBy?: string;
}

/** Events of one kind that weighed in an incident. */
export interface WeighedUse {
  /** Method and route template. */
  readonly route: string;
  /** Country and city, else the network; '' where nobody knows. */
  readonly place: string;
  /** Client family. */
  readonly client: string;
  readonly events: number;
}

/** What a decision needs to know of the key itself, as it stood when the incident was told. */
export interface KeyFacts {
  /** Whose it is, as the registry or the log says; absent where neither does. */
  readonly consumer?: string;
  readonly firstAt: string;
  /** Uses that were learned from. */
  readonly events: number;
  /** Requests that it usually makes in this hour of the week, and the p99 of its hours. */
  readonly usualPerHour: number;
  readonly busyPerHour: number;
  /** Readiness of the detectors that found something: learning, ready, degraded, unprotected. */
  readonly readiness: Readonly<Record<string, string>>;
  /** What it was used for before the incident; the same in all revisions. */
  readonly profile?: KeyProfile;
}

/** One line `{"type":"incident"}`. */
export interface Incident {
  readonly type: 'incident';
  readonly id: string;
  readonly revision: number;
  readonly subject: SubjectName;
  readonly openedAt: string;
  readonly updatedAt: string;
  readonly closedAt: string | null;
  readonly severity: Severity;
  readonly risk: number;
  readonly families: readonly Family[];
  readonly findings: readonly string[];
  /** What weighed most in it, at most eight kinds; counted until it was told. Absent where no single event did. */
  readonly uses?: readonly WeighedUse[];
  /** Incident of the fleet or of a consumer that explains it: many keys deviated together. */
  readonly partOf?: string;
  /** The key's old network fell quiet as the new one began: alert only. Absent when it did not. */
  readonly migration?: true;
  /** Id of the rule that silences all of its findings: it raises no alert, whatever its severity. */
  readonly silencedBy?: string;
  /** Where a person closed it: as what, who, and why. */
  readonly closedAs?: ClosedAs;
  readonly closedBy?: string;
  readonly closedReason?: string;
  /** Of a key. Absent in what versions before 0.2 have kept. */
  readonly key?: KeyFacts;
  readonly why: string;
}

/**
 * What `explain` recomputes a finding from: the subject's record before the opening event, that event, and
 * what else the score was read from, so that neither of them may change since.
 */
export interface FindingInputs {
  readonly findingId: string;
  readonly detector: string;
  /** Score at the opening, to be met exactly. */
  readonly score: number;
  /** `event`: judged on an event; `tick`: judged at an instant, for absence. */
  readonly kind: 'event' | 'tick';
  readonly at: number;
  readonly layoutVersion: string;
  readonly record: Uint8Array;
  /** The event as JSON. */
  readonly event: Uint8Array | null;
  readonly context: FindingContext;
}

/** A prior as plain JSON (detectors/baselines/prior.ts). */
export interface RecordedPrior {
  readonly version: string;
  /** How many keys it is made of. */
  readonly keys: number;
  readonly rate: number;
  readonly routesPerMinute: number;
  /** Code of a country and how many of the keys are used from it, most first. */
  readonly countries: readonly (readonly [number, number])[];
}

/** What a score was read from beside record and event; plain JSON, its parts absent where there was nothing. */
export interface FindingContext {
  readonly declared?: Declared;
  /** The route as detectors saw it, where a segment of it had been found variable. */
  readonly route?: Route;
  /** What the peers of the key were like, as far as a score reads it. */
  readonly prior?: RecordedPrior;
  /** Windows that the key's time touched from its event before to the finding. */
  readonly windows?: readonly CalendarWindow[];
  /** The report that it is, of the detector `leak`. */
  readonly leak?: LeakNotice;
  /** The geography data had changed on that day, and places counted as information only. */
  readonly placesDamped?: boolean;
}

/** Severity of a risk (algorithms.md §9). `backed`: a second family at 5 or more that may back a critical. */
export function severityOf(risk: number, backed: boolean): Severity {
  if (risk >= 10 && backed) return 'critical';
  if (risk >= 8) return 'high';
  if (risk >= 7) return 'medium';
  if (risk >= 5) return 'low';
  return risk >= 4 ? 'info' : 'none';
}

export function atLeast(severity: Severity, floor: Severity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(floor);
}

/** What exactly evidence is about, e.g. a place or a class of errors; '' for the subject as a whole. */
export function aboutOf({ about, observed }: { about?: string | null; observed: Facts }): string {
  if (about != null) return about;
  return Object.entries(observed)
    .filter((fact): fact is [string, string] => typeof fact[1] === 'string' && fact[1] !== '')
    .map(([name, text]) => `${name} ${text}`)
    .join(', ');
}
