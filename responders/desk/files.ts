/** Incidents of keys that are open, with their findings, what people answered, and what was shown of them. */
import type { Decision } from '../../core/decision.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import type { Finding, Incident } from '../../core/finding.ts';
import type { Case, DeskEnv } from './case.ts';
import type { Answer } from './settle.ts';

const FILES_MAX = 20_000;
const FINDINGS_MAX = 100_000;

export interface CaseFile {
  readonly incident: Incident;
  readonly toldMs: number;
  readonly answers: Answer[];
  readonly shown: Set<string>;
}

export class CaseFiles {
  private readonly files = new Map<string, CaseFile>();
  private readonly findings = new Map<string, Finding>();
  /** Incidents and findings that gave way to newer ones. */
  dropped = 0;

  /** A revision as high as the one known is not news. */
  finding(finding: Finding): void {
    const known = this.findings.get(finding.id);
    if (known !== undefined && known.revision >= finding.revision) return;
    this.findings.set(finding.id, finding);
    this.dropped += dropOldest(this.findings, FINDINGS_MAX);
  }

  /** Undefined when it is no news. */
  incident(incident: Incident, toldMs: number): CaseFile | undefined {
    const known = this.files.get(incident.id);
    if (known !== undefined && known.incident.revision >= incident.revision) return undefined;
    const { answers, shown } = known ?? { answers: [], shown: new Set<string>() };
    const file: CaseFile = { incident, toldMs, answers, shown };
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
  }

  /** What people said of a decision goes with its incident. */
  answer(decision: Decision, kind: Answer['kind']): void {
    const file = decision.incident === null ? undefined : this.files.get(decision.incident);
    if (file === undefined) return;
    const { rung, evidence } = decision;
    const findings = new Set(evidence?.findings ?? file.incident.findings);
    file.answers.push({ kind, rung, risk: evidence?.risk ?? file.incident.risk, findings });
  }

  caseOf({ incident, toldMs }: CaseFile, directory: KeyDirectory, env: DeskEnv): Case {
    const { id } = incident.subject;
    const entry = directory.entry(id);
    const findings = incident.findings.flatMap((name) => this.findings.get(name) ?? []);
    const consumer = entry?.consumer ?? env.consumerOf?.(id) ?? '';
    return { incident, findings, key: incident.key, entry, consumer, toldMs };
  }
}

function dropOldest(map: Map<string, unknown>, most: number): number {
  if (map.size <= most) return 0;
  map.delete(map.keys().next().value!);
  return 1;
}
