/** Rows for the tests of stores. Everything in one checkpoint carries its number, so that a mixture shows. */
import { keyEntrySchema } from '../../core/config.ts';
import { keyGroupOfDigest } from '../../core/event.ts';
import type { Finding, FindingInputs, Incident, Severity } from '../../core/finding.ts';
import {
  type Checkpoint,
  type DeadLetter,
  EMPTY_CHECKPOINT,
  type LoadedState,
  type SubjectRow,
} from '../../core/store.ts';

export { EMPTY_CHECKPOINT as EMPTY } from '../../core/store.ts';

export const HOUR_MS = 3_600_000;
export const BASE_AT = Date.UTC(2026, 2, 1);

export function digest(n: number): Uint8Array {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(0, Math.imul(n + 1, 0x9e3779b1) >>> 0);
  new DataView(bytes.buffer).setUint32(12, n);
  return bytes;
}

export function numbered(n: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  new DataView(bytes.buffer).setUint32(0, n);
  return bytes;
}

export function subject(n: number, record: Uint8Array): SubjectRow {
  const group = keyGroupOfDigest(digest(n));
  return { group, digest: digest(n), id: `kong:key-${n}`, consumer: 'acme', record };
}

export function iso(offsetMs: number): string {
  return new Date(BASE_AT + offsetMs).toISOString();
}

export function finding(id: string, revision: number, toAt = iso(60_000)): Finding {
  return {
    type: 'finding',
    id,
    revision,
    detector: 'volume-spike',
    family: 'volume',
    subject: { kind: 'key', id: 'kong:key-1' },
    fromAt: iso(0),
    toAt,
    score: 12.25 + revision,
    severity: 'medium',
    observed: { requests: 1130 },
    expected: { requests: 124, places: ['DE', 'FR'] },
    why: 'made for a test',
    closedAt: null,
    trust: 'act',
    parts: [{ name: 'count', score: 12.25 }],
    versions: { detector: 1 },
  };
}

export interface IncidentParts {
  readonly id: string;
  readonly revision?: number;
  readonly subjectId?: string;
  readonly severity?: Severity;
  readonly updatedAt?: string;
  readonly closedAt?: string | null;
  readonly findings?: readonly string[];
}

export function incident(parts: IncidentParts): Incident {
  return {
    type: 'incident',
    id: parts.id,
    revision: parts.revision ?? 1,
    subject: { kind: 'key', id: parts.subjectId ?? 'kong:key-1' },
    openedAt: iso(0),
    updatedAt: parts.updatedAt ?? iso(60_000),
    closedAt: parts.closedAt ?? null,
    severity: parts.severity ?? 'medium',
    risk: 7.5,
    families: ['volume'],
    findings: parts.findings ?? [],
    why: `revision ${parts.revision ?? 1}`,
  };
}

export function inputs(findingId: string): FindingInputs {
  return {
    findingId,
    detector: 'volume-spike',
    score: 0.1 + 0.2,
    kind: 'event',
    at: BASE_AT + 0.5,
    layoutVersion: 'a1',
    record: numbered(7, 32),
    event: null,
    context: { declared: { entry: keyEntrySchema.parse({ id: 'kong:key-1', risk: 'high' }) } },
  };
}

export function letter(position: number, mask: string, seenAt: number): DeadLetter {
  const length = mask.length;
  return { source: 'web', stream: 'web:1', position, reason: 'malformed', length, mask, seenAt };
}

export const NUMBERED_SUBJECTS = 40;

/** Checkpoint number n: every part says n. */
export function checkpointNumber(n: number): Checkpoint {
  const subjects: SubjectRow[] = [];
  for (let i = 0; i < NUMBERED_SUBJECTS; i++) subjects.push(subject(i, numbered(n, 600)));
  return {
    ...EMPTY_CHECKPOINT,
    meta: { number: n },
    streams: [{ stream: 'web:1', source: 'web', position: n, finished: false }],
    groups: [{ group: 3, part: 'sketch', bytes: numbered(n, 2000) }],
    subjects,
    open: [{ digest: digest(1), body: JSON.stringify({ n }) }],
  };
}

/** Every number found in a loaded state; one number only when the state is of one instant. */
export function numbersIn(state: LoadedState): Set<number> {
  const numberOf = (bytes: Uint8Array) =>
    new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
  const found = new Set<number>([Number(state.meta['number'])]);
  for (const row of state.streams) found.add(row.position);
  for (const row of state.groups) found.add(numberOf(row.bytes));
  for (const row of state.subjects) found.add(numberOf(row.record));
  for (const row of state.open) found.add(Number(JSON.parse(row.body).n));
  return found;
}
