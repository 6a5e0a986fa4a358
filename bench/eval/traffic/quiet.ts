/** False alarms: keys that nobody attacks, with innocent novelty, after four weeks of learning. */
import { atLeast, type Finding, type Incident, type Severity } from '../../../core/finding.ts';
import { KEY_CLASSES } from '../../../traffic/contract.ts';
import { createTraffic } from '../../../traffic/traffic.ts';
import { Lab } from './lab.ts';

const DAY_MS = 86_400_000;
export const LEARNING_DAYS = 28;
export const MONTH_DAYS = 28;

export interface QuietTask {
  readonly kind: 'quiet';
  readonly seed: number;
  /** Requests per second of each key. */
  readonly rate: number;
  readonly keysPerClass: number;
  /** Measured, after four weeks of learning. */
  readonly months: number;
}

export interface QuietResult {
  readonly keyMonths: number;
  readonly events: number;
  /** Episodes by detector whose score reached 6, and 8. */
  readonly findings: Readonly<Record<string, { readonly six: number; readonly eight: number }>>;
  /** By the highest severity that they had. */
  readonly incidents: Readonly<Partial<Record<Severity, number>>>;
  /** What the incidents of medium or more said, and of which class the key was. */
  readonly why: readonly string[];
  /** The same of the findings at 6 or more. */
  readonly sixes: readonly string[];
}

export function liveQuietly(task: QuietTask): QuietResult {
  const keys = task.keysPerClass * KEY_CLASSES.length;
  const traffic = createTraffic({
    seed: task.seed,
    keys,
    days: LEARNING_DAYS + task.months * MONTH_DAYS,
    overrides: Object.fromEntries(
      Array.from({ length: keys }, (_, i) => [
        i,
        { class: KEY_CLASSES[i % KEY_CLASSES.length]!, rate: task.rate },
      ]),
    ),
  });
  const lab = new Lab({ durable: false });
  lab.run(traffic.events(), Number.POSITIVE_INFINITY);
  const from = traffic.fromAt + LEARNING_DAYS * DAY_MS;
  const classes = new Map(
    traffic.keys.map((key) => [`kong:${key.credentialId}`, `${key.class} at ${task.rate}/s`]),
  );
  return {
    keyMonths: keys * task.months,
    events: lab.events,
    ...countFindings(lab, from, classes),
    ...countIncidents(lab, from, classes),
  };
}

function countFindings(lab: Lab, from: number, classes: ReadonlyMap<string, string>) {
  const worst = new Map<string, Finding>();
  for (const { line } of lab.findings) {
    if (Date.parse(line.fromAt) < from) continue;
    const before = worst.get(line.id);
    if (before === undefined || line.score > before.score) worst.set(line.id, line);
  }
  const findings: Record<string, { six: number; eight: number }> = {};
  const sixes: string[] = [];
  for (const { detector, score, subject, why } of worst.values()) {
    findings[detector] ??= { six: 0, eight: 0 };
    if (score < 6) continue;
    findings[detector].six++;
    if (score >= 8) findings[detector].eight++;
    sixes.push(`${detector} ${score} (${classes.get(subject.id) ?? subject.kind}): ${why}`);
  }
  return { findings, sixes };
}

function countIncidents(lab: Lab, from: number, classes: ReadonlyMap<string, string>) {
  const worst = new Map<string, Incident>();
  for (const { line } of lab.incidents) {
    if (Date.parse(line.openedAt) < from) continue;
    const before = worst.get(line.id);
    if (before === undefined || line.risk > before.risk) worst.set(line.id, line);
  }
  const incidents: Partial<Record<Severity, number>> = {};
  const why: string[] = [];
  for (const incident of worst.values()) {
    incidents[incident.severity] = (incidents[incident.severity] ?? 0) + 1;
    if (!atLeast(incident.severity, 'medium')) continue;
    const whose = classes.get(incident.subject.id) ?? incident.subject.kind;
    why.push(`${incident.severity} ${incident.risk} (${whose}): ${incident.why}`);
  }
  return { incidents, why };
}
