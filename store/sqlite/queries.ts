/** Reading. Statements run on a connection of their own, so they see whole checkpoints only. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type Finding, type FindingInputs, type Incident, SEVERITIES } from '../../core/finding.ts';
import type { StreamPosition } from '../../core/source.ts';
import type {
  ControlRecord,
  DeadLetter,
  IncidentFilter,
  LoadedState,
  SubjectRow,
  UsageRow,
} from '../../core/store.ts';
import { HOUR_MS } from './commit.ts';
import { bodyOf, bytesOf, bytesOrNull, numberOf, type Row, textOf } from './rows.ts';

/** Incidents answered when the filter names no limit. */
const INCIDENTS_DEFAULT = 100;
/** Above every character, so that [prefix, prefix + it) is "begins with". */
const LAST_CHARACTER = '\u{10FFFF}';

export function createReader(db: DatabaseSync) {
  const statements = prepare(db);
  const incidentsBy = new Map<string, StatementSync>();
  return {
    hasCheckpoint(): boolean {
      return statements.checkpointAt.get() !== undefined;
    },
    load: (): LoadedState => load(db, statements),
    incidents(filter: IncidentFilter): Incident[] {
      const { sql, values } = incidentQuery(filter);
      let statement = incidentsBy.get(sql);
      if (statement === undefined) {
        statement = db.prepare(sql);
        incidentsBy.set(sql, statement);
      }
      return statement.all(...values).map((row) => bodyOf<Incident>(row));
    },
    incident(id: string): Incident | undefined {
      const row = statements.incident.get(id);
      return row === undefined ? undefined : bodyOf<Incident>(row);
    },
    findings(ids: readonly string[]): Finding[] {
      return ids.flatMap((id) => {
        const row = statements.finding.get(id);
        return row === undefined ? [] : [bodyOf<Finding>(row)];
      });
    },
    findingInputs(id: string): FindingInputs | undefined {
      const row = statements.inputs.get(id);
      return row === undefined ? undefined : inputsOf(row);
    },
    usage(digest: Uint8Array, sinceAt: number): UsageRow[] {
      const rows = statements.usage.all(Math.ceil(sinceAt / HOUR_MS), digest);
      return rows.map((row) => usageOf(row, digest));
    },
    subjects(limit: number, prefix: string): SubjectRow[] {
      return statements.subjectsById.all(prefix, prefix + LAST_CHARACTER, limit).map(subjectOf);
    },
    deadLetters: (limit: number) => statements.deadLetters.all(limit).map(letterOf),
    controls(afterSequence: number, limit: number): ControlRecord[] {
      return statements.controls.all(afterSequence, limit).map(controlOf);
    },
  };
}

type Statements = ReturnType<typeof prepare>;

function prepare(db: DatabaseSync) {
  return {
    checkpointAt: db.prepare("SELECT value FROM internal WHERE name = 'checkpointAt'"),
    meta: db.prepare('SELECT name, value FROM meta ORDER BY name'),
    streams: db.prepare('SELECT stream, source, position, finished FROM streams ORDER BY stream'),
    groups: db.prepare('SELECT key_group, part, bytes FROM group_parts ORDER BY key_group, part'),
    open: db.prepare('SELECT digest, body FROM open_incidents ORDER BY digest'),
    incident: db.prepare('SELECT body FROM incidents WHERE id = ?1'),
    finding: db.prepare('SELECT body FROM findings WHERE id = ?1'),
    inputs: db.prepare('SELECT * FROM finding_inputs WHERE finding_id = ?1'),
    // Jumps from hour to hour that exists, as rows are clustered by hour first: one look-up an hour.
    usage: db.prepare(
      `WITH RECURSIVE hours (hour) AS (
         SELECT min(hour) FROM usage WHERE hour >= ?1
         UNION ALL
         SELECT (SELECT min(u.hour) FROM usage u WHERE u.hour > hours.hour) FROM hours
         WHERE hours.hour IS NOT NULL)
       SELECT u.hour, u.requests, u.errors, u.bytes_in, u.bytes_out
       FROM hours CROSS JOIN usage u ON u.hour = hours.hour AND u.digest = ?2`,
    ),
    subjectsById: db.prepare(
      `SELECT key_group, digest, id, consumer, record FROM subjects
       WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3`,
    ),
    deadLetters: db.prepare('SELECT * FROM dead_letters ORDER BY row DESC LIMIT ?1'),
    controls: db.prepare('SELECT * FROM controls WHERE sequence > ?1 ORDER BY sequence LIMIT ?2'),
  };
}

function load(db: DatabaseSync, statements: Statements): LoadedState {
  const meta: Record<string, unknown> = {};
  for (const row of statements.meta.all()) {
    meta[textOf(row, 'name')] = JSON.parse(textOf(row, 'value'));
  }
  return {
    meta,
    streams: statements.streams.all().map(streamOf),
    groups: statements.groups.all().map((row) => ({
      group: numberOf(row, 'key_group'),
      part: textOf(row, 'part'),
      bytes: bytesOf(row, 'bytes'),
    })),
    subjects: { [Symbol.iterator]: () => iterateSubjects(db) },
    open: statements.open.all().map((row) => ({
      digest: bytesOf(row, 'digest'),
      body: textOf(row, 'body'),
    })),
  };
}

/** One row at a time: a million subjects never stand in memory twice. */
function* iterateSubjects(db: DatabaseSync): Generator<SubjectRow> {
  const statement = db.prepare(
    'SELECT key_group, digest, id, consumer, record FROM subjects ORDER BY row',
  );
  for (const row of statement.iterate()) yield subjectOf(row);
}

/** The SQL of a filter. `severity` means that severity or a worse one; the latest change comes first. */
export function incidentQuery(filter: IncidentFilter): {
  readonly sql: string;
  readonly values: (string | number)[];
} {
  const clauses: string[] = [];
  const values: (string | number)[] = [];
  const add = (clause: string, value: string | number) => {
    clauses.push(`${clause} ?`);
    values.push(value);
  };
  if (filter.subjectId !== undefined) add('subject_id =', filter.subjectId);
  if (filter.severity !== undefined) add('severity >=', SEVERITIES.indexOf(filter.severity));
  if (filter.sinceAt !== undefined) add('updated_at >=', filter.sinceAt);
  if (filter.open !== undefined) clauses.push(`closed_at IS ${filter.open ? '' : 'NOT '}NULL`);
  const where = clauses.length === 0 ? '' : `WHERE ${clauses.join(' AND ')} `;
  values.push(filter.limit ?? INCIDENTS_DEFAULT);
  return {
    sql: `SELECT body FROM incidents ${where}ORDER BY updated_at DESC, id LIMIT ?`,
    values,
  };
}

/** Bodies were written by this store from the same type. */
function streamOf(row: Row): StreamPosition {
  return {
    stream: textOf(row, 'stream'),
    source: textOf(row, 'source'),
    position: numberOf(row, 'position'),
    finished: numberOf(row, 'finished') === 1,
  };
}

function subjectOf(row: Row): SubjectRow {
  return {
    group: numberOf(row, 'key_group'),
    digest: bytesOf(row, 'digest'),
    id: textOf(row, 'id'),
    consumer: textOf(row, 'consumer'),
    record: bytesOf(row, 'record'),
  };
}

function usageOf(row: Row, digest: Uint8Array): UsageRow {
  return {
    digest,
    hourAt: numberOf(row, 'hour') * HOUR_MS,
    requests: numberOf(row, 'requests'),
    errors: numberOf(row, 'errors'),
    bytesIn: numberOf(row, 'bytes_in'),
    bytesOut: numberOf(row, 'bytes_out'),
  };
}

function inputsOf(row: Row): FindingInputs {
  return {
    findingId: textOf(row, 'finding_id'),
    detector: textOf(row, 'detector'),
    score: numberOf(row, 'score'),
    kind: textOf(row, 'kind') === 'tick' ? 'tick' : 'event',
    at: numberOf(row, 'at'),
    layoutVersion: textOf(row, 'layout_version'),
    record: bytesOf(row, 'record'),
    event: bytesOrNull(row, 'event'),
    context: JSON.parse(textOf(row, 'context')) as FindingInputs['context'],
  };
}

function letterOf(row: Row): DeadLetter {
  return {
    source: textOf(row, 'source'),
    stream: textOf(row, 'stream'),
    position: numberOf(row, 'position'),
    reason: textOf(row, 'reason'),
    length: numberOf(row, 'length'),
    mask: textOf(row, 'mask'),
    seenAt: numberOf(row, 'seen_at'),
  };
}

function controlOf(row: Row): ControlRecord {
  return {
    sequence: numberOf(row, 'sequence'),
    at: numberOf(row, 'at'),
    kind: textOf(row, 'kind') as ControlRecord['kind'],
    body: JSON.parse(textOf(row, 'body')) as ControlRecord['body'],
  };
}
