/** Incidents of keys that are open, with their findings, what people answered, and what was shown of them. */
import type { Decision } from '../../core/decision.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import type { Finding, Incident } from '../../core/finding.ts';
import type { Case, DeskEnv } from './case.ts';
import type { Answer } from './settle.ts';
import type { Served } from './wants.ts';

const FILES_MAX = 20_000;
const FINDINGS_MAX = 100_000;

export interface CaseFile {
  readonly incident: Incident;
  readonly toldMs: number;
  readonly answers: readonly Answer[];
  readonly shown: Set<string>;
  /** Suspensions that had their time. */
  readonly served: Served[];
}

export class CaseFiles {
  private readonly files = new Map<string, CaseFile>();
  private readonly findings = new Map<string, { finding: Finding; firstMs: number }>();
  /** By incident, also before it is told again after a restart. */
  private readonly answers = new Map<string, Answer[]>();
  /** Incidents and findings that gave way to newer ones. */
  dropped = 0;

  /** A revision as high as the one known is not news. */
  finding(finding: Finding, nowMs: number): void {
    const known = this.findings.get(finding.id);
    if (known !== undefined && known.finding.revision >= finding.revision) return;
    this.findings.set(finding.id, { finding, firstMs: known?.firstMs ?? nowMs });
    this.dropped += dropOldest(this.findings, FINDINGS_MAX);
  }

  /** Undefined when it is no news. */
  incident(incident: Incident, toldMs: number): CaseFile | undefined {
    const known = this.files.get(incident.id);
    if (known !== undefined && known.incident.revision >= incident.revision) return undefined;
    const answers = this.answers.get(incident.id) ?? [];
    const { shown, served } = known ?? { shown: new Set<string>(), served: [] };
    const file: CaseFile = { incident, toldMs, answers, shown, served };
    this.files.set(incident.id, file);
    this.dropped += dropOldest(this.files, FILES_MAX);
    return file;
  }

  get(incidentId: string): CaseFile | undefined {
    return this.files.get(incidentId);
  }

  open(): CaseFile[] {
    return [...this.files.values()];
  }

  close(incidentId: string): void {
    for (const id of this.files.get(incidentId)?.incident.findings ?? []) this.findings.delete(id);
    this.files.delete(incidentId);
    this.answers.delete(incidentId);
  }

  /** What people said of a decision goes with its incident. */
  answer({ incident, rung, evidence }: Decision, kind: Answer['kind']): void {
    if (incident === null || evidence === undefined) return;
    const { risk, findings } = evidence;
    const all = [...(this.answers.get(incident) ?? [])];
    all.push({ kind, rung, risk, findings: new Set(findings) });
    this.answers.set(incident, all);
    dropOldest(this.answers, FILES_MAX);
    const file = this.files.get(incident);
    if (file !== undefined) this.files.set(incident, { ...file, answers: all });
  }

  caseOf({ incident, toldMs }: CaseFile, directory: KeyDirectory, env: DeskEnv): Case {
    const { id } = incident.subject;
    const entry = directory.entry(id);
    const findings = incident.findings.flatMap((name) => this.findings.get(name)?.finding ?? []);
    const consumer = entry?.consumer ?? env.consumerOf?.(id) ?? '';
    const firstToldMs = (name: string): number => this.findings.get(name)?.firstMs ?? toldMs;
    return { incident, findings, key: incident.key, entry, consumer, toldMs, firstToldMs };
  }
}

function dropOldest(map: Map<string, unknown>, most: number): number {
  if (map.size <= most) return 0;
  map.delete(map.keys().next().value!);
  return 1;
}
