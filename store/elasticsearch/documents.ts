/**
 * What is stored, as documents: which index, under which id, and with which version, so that the same result again,
 * or an older revision of it, changes nothing wherever and whenever it is written.
 *
 *   index    PREFIX-KIND-YYYY.MM.DD, the UTC day of `@timestamp`, which no revision changes
 *   _id      incident, finding, action and audit: their id; inputs: the finding's id; usage: digest-hour
 *   _version the revision; usage: the number of requests, which only grows within an hour
 */
import type { Finding, FindingInputs, Incident, SubjectName } from '../../core/finding.ts';
import type { UsageRow } from '../../core/store.ts';
import { ecsOf } from './ecs.ts';

export const KINDS = ['finding', 'incident', 'usage', 'inputs', 'action', 'audit'] as const;
export type Kind = (typeof KINDS)[number];

/** Aliases and indices are named in the plural, as people say it. */
export const NAMES: Readonly<Record<Kind, string>> = {
  finding: 'findings',
  incident: 'incidents',
  usage: 'usage',
  inputs: 'inputs',
  action: 'actions',
  audit: 'audit',
};

/** One line `{"type":"action"}`. */
export interface ActionBody {
  readonly type: 'action';
  readonly id: string;
  readonly revision: number;
  readonly decision: string;
  readonly subject: SubjectName;
  readonly gateway: string;
  readonly rung: string;
  readonly state: 'planned' | 'running' | 'done' | 'failed' | 'undone' | 'conflict';
  readonly requestedAt: string;
  readonly doneAt: string | null;
  readonly verifiedAt: string | null;
  readonly verdict: 'contained' | 'no-traffic' | 'not-contained' | null;
  readonly undoneAt: string | null;
  /** How it is undone. Kept as it is, not searched. */
  readonly undo?: unknown;
  readonly error?: string;
}

/** An entry of the audit log, by the names that others search for. */
export interface AuditBody {
  readonly id: string;
  /** When it was written, RFC 3339. */
  readonly at: string;
  readonly actor?: string;
  readonly action?: string;
  readonly subject?: SubjectName;
  readonly reason?: string;
  readonly writer?: string;
  readonly sequence?: number;
  /** What it has beside these (`previous`, `hash`, `evidence`, `undoes`) is kept with it, not searched. */
  readonly [field: string]: unknown;
}

export type ResultDocument =
  | { readonly kind: 'finding'; readonly body: Finding }
  | { readonly kind: 'incident'; readonly body: Incident }
  | { readonly kind: 'usage'; readonly body: UsageRow }
  | { readonly kind: 'inputs'; readonly body: FindingInputs }
  | { readonly kind: 'action'; readonly body: ActionBody }
  | { readonly kind: 'audit'; readonly body: AuditBody };

/** Where a document goes. `version` undefined: it is written once and never changed. */
export interface Place {
  readonly kind: Kind;
  readonly at: number;
  readonly id: string;
  readonly version: number | undefined;
}

export const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Days outside of these have no name of four digits. */
const AT_MIN = Date.UTC(1970, 0, 1);
const AT_MAX = Date.UTC(9999, 11, 31);

export function placeOf(document: ResultDocument): Place {
  const { kind, body } = document;
  switch (kind) {
    case 'finding': {
      // fromAt reaches back further with later revisions: only for findings from before there was openedAt.
      const at = Date.parse(body.openedAt ?? body.fromAt);
      return { kind, at, id: body.id, version: body.revision };
    }
    case 'incident':
      return { kind, at: Date.parse(body.openedAt), id: body.id, version: body.revision };
    case 'action':
      return { kind, at: Date.parse(body.requestedAt), id: body.id, version: body.revision };
    case 'usage':
      return { kind, at: body.hourAt, id: usageId(body), version: body.requests };
    case 'inputs':
      return { kind, at: body.at, id: body.findingId, version: undefined };
    case 'audit':
      return { kind, at: Date.parse(body.at), id: body.id, version: undefined };
  }
}

function usageId({ digest, hourAt }: UsageRow): string {
  return `${digestText(digest)}-${Math.floor(hourAt / HOUR_MS)}`;
}

/** A subject's digest as it stands in documents: hex. */
export function digestText(digest: Uint8Array): string {
  return Buffer.from(digest).toString('hex');
}

/** Undefined where it has no day that an index could be named by. */
export function indexOf(prefix: string, { kind, at }: Place): string | undefined {
  if (!(at >= AT_MIN && at < AT_MAX)) return undefined;
  const day = new Date(at).toISOString().slice(0, 10).replaceAll('-', '.');
  return `${aliasOf(prefix, kind)}-${day}`;
}

export function aliasOf(prefix: string, kind: Kind): string {
  return `${prefix}-${NAMES[kind]}`;
}

/** End of the UTC day of an index, epoch ms; undefined for an index that is none of the alias's days. */
export function dayEndOf(alias: string, index: string): number | undefined {
  const day = /^-(\d{4})\.(\d\d)\.(\d\d)$/.exec(index.slice(alias.length));
  if (!index.startsWith(alias) || day === null) return undefined;
  return Date.UTC(Number(day[1]), Number(day[2]) - 1, Number(day[3])) + DAY_MS;
}

/** The document as it is stored: ECS fields for everybody's tools, and the row itself below `keyhound`. */
export function sourceOf(document: ResultDocument, { at }: Place): string {
  return JSON.stringify({
    '@timestamp': new Date(at).toISOString(),
    ...ecsOf(document),
    keyhound: rowOf(document),
  });
}

function rowOf({ kind, body }: ResultDocument): unknown {
  if (kind === 'usage') return { ...body, digest: digestText(body.digest) };
  if (kind !== 'inputs') return body;
  const { record, event } = body;
  return { ...body, record: base64(record), event: event === null ? null : base64(event) };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** What stands below `keyhound`, as the row that it was made of. */
export function usageOf(row: Stored<UsageRow, 'digest'>): UsageRow {
  return { ...row, digest: plain(Buffer.from(row.digest, 'hex')) };
}

export function inputsOf(row: Stored<FindingInputs, 'record' | 'event'>): FindingInputs {
  return {
    ...row,
    record: plain(Buffer.from(row.record, 'base64')),
    event: row.event === null ? null : plain(Buffer.from(row.event, 'base64')),
  };
}

/** Bytes stand as text. */
export type Stored<Row, Bytes extends keyof Row> = Omit<Row, Bytes> & {
  readonly [Field in Bytes]: null extends Row[Field] ? string | null : string;
};

/** Not a Buffer: what comes back is what went in. */
function plain(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes);
}
