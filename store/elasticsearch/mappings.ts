/**
 * What is indexed, and how. The types make sure that no field of a row is forgotten.
 *
 * `dynamic`: strict for all but `keyhound`, so that a field of ECS written wrongly shows at once. What a later version
 * adds to a row is kept, though not searched, until the template is brought up to date: strict would turn the rows of
 * a half-upgraded installation away. Neither lets a client's text make up fields.
 */
import type { Finding, FindingInputs, Incident, KeyFacts, WeighedUse } from '../../core/finding.ts';
import type { UsageRow } from '../../core/store.ts';
import type { ActionBody, Kind } from './documents.ts';

export interface Mapping {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Mapping>>;
  readonly [setting: string]: unknown;
}

/** Longer texts are kept, and not found by their whole. */
const keyword: Mapping = { type: 'keyword', ignore_above: 1024 };
const text: Mapping = { type: 'text' };
const date: Mapping = { type: 'date' };
const long: Mapping = { type: 'long' };
const double: Mapping = { type: 'double' };
/** Names and values as they come, searched as keywords. */
const facts: Mapping = { type: 'flattened', ignore_above: 1024 };
/** Kept as it is: any JSON. */
const kept: Mapping = { type: 'object', enabled: false };
const binary: Mapping = { type: 'binary' };

const subject: Mapping = { properties: { kind: keyword, id: keyword, label: keyword } };

const use: Record<keyof WeighedUse, Mapping> = {
  route: keyword,
  place: keyword,
  client: keyword,
  events: long,
};

const finding: Record<keyof Finding, Mapping> = {
  type: keyword,
  id: keyword,
  revision: long,
  detector: keyword,
  family: keyword,
  subject,
  openedAt: date,
  fromAt: date,
  toAt: date,
  score: double,
  severity: keyword,
  observed: facts,
  expected: facts,
  why: text,
  about: keyword,
  closedAt: date,
  trust: keyword,
  parts: { properties: { name: keyword, score: double } },
  versions: facts,
  silencedBy: keyword,
};

const key: Record<keyof KeyFacts, Mapping> = {
  consumer: keyword,
  firstAt: date,
  events: long,
  usualPerHour: double,
  busyPerHour: double,
  readiness: facts,
  profile: kept,
};

const incident: Record<keyof Incident, Mapping> = {
  type: keyword,
  id: keyword,
  revision: long,
  subject,
  openedAt: date,
  updatedAt: date,
  closedAt: date,
  severity: keyword,
  risk: double,
  families: keyword,
  findings: keyword,
  uses: { properties: use },
  partOf: keyword,
  migration: { type: 'boolean' },
  silencedBy: keyword,
  closedAs: keyword,
  closedBy: keyword,
  closedReason: text,
  key: { properties: key },
  why: text,
};

const usage: Record<keyof UsageRow, Mapping> = {
  digest: keyword,
  hourAt: date,
  requests: long,
  errors: long,
  bytesIn: double,
  bytesOut: double,
};

/** Looked up by id only. */
const inputs: Record<keyof FindingInputs, Mapping> = {
  findingId: keyword,
  detector: keyword,
  score: { ...double, index: false },
  kind: keyword,
  at: { ...double, index: false },
  layoutVersion: keyword,
  record: binary,
  event: binary,
  context: kept,
};

const action: Record<keyof ActionBody, Mapping> = {
  type: keyword,
  id: keyword,
  revision: long,
  decision: keyword,
  subject,
  gateway: keyword,
  rung: keyword,
  state: keyword,
  requestedAt: date,
  doneAt: date,
  verifiedAt: date,
  verdict: keyword,
  undoneAt: date,
  undo: kept,
  error: text,
};

const audit: Record<string, Mapping> = {
  id: keyword,
  at: date,
  actor: keyword,
  action: keyword,
  subject,
  reason: text,
  writer: keyword,
  sequence: long,
};

const ROWS: Readonly<Record<Kind, Readonly<Record<string, Mapping>>>> = {
  finding,
  incident,
  usage,
  inputs,
  action,
  audit,
};

const ids: Mapping = { properties: { id: keyword } };

/** The same for all kinds, so that a search over several of them meets the same types. */
const ECS: Readonly<Record<string, Mapping>> = {
  '@timestamp': date,
  ecs: { properties: { version: keyword } },
  event: {
    properties: {
      kind: keyword,
      category: keyword,
      type: keyword,
      module: keyword,
      dataset: keyword,
      provider: keyword,
      action: keyword,
      id: keyword,
      severity: long,
      risk_score: { type: 'float' },
      reason: keyword,
      outcome: keyword,
      start: date,
      end: date,
    },
  },
  rule: { properties: { id: keyword, version: keyword } },
  threat: { properties: { framework: keyword, tactic: ids, technique: ids } },
  user: { properties: { id: keyword, name: keyword } },
  organization: ids,
  source: { properties: { address: keyword } },
  related: { properties: { user: keyword } },
};

export function mappingsOf(kind: Kind): Mapping {
  return {
    dynamic: 'strict',
    properties: { ...ECS, keyhound: { dynamic: false, properties: ROWS[kind] } },
  };
}
