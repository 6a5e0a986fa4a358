/** One checkpoint, one transaction: all of it or nothing. */
import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { assert } from '../../core/errors.ts';
import { type Finding, type Incident, SEVERITIES } from '../../core/finding.ts';
import type { Checkpoint, ControlRecord, UsageRow } from '../../core/store.ts';
import { createRetention, letterBytes, type RetentionOptions } from './retention.ts';
import { textOf } from './rows.ts';

/** Rows between two turns of the event loop: about 3 ms, so that the intake goes on answering. */
const SLICE_ROWS = 512;
export const HOUR_MS = 3_600_000;

type Statements = ReturnType<typeof prepare>;

export interface WriterOptions extends RetentionOptions {
  readonly pepperFingerprint: string;
}

/** The one writer of a store. `write` is never called again before it has settled. */
export function createWriter(db: DatabaseSync, options: WriterOptions) {
  const statements = prepare(db);
  const keeper = createRetention(db, options);
  return {
    async write(checkpoint: Checkpoint): Promise<void> {
      db.exec('BEGIN IMMEDIATE');
      try {
        writeEngine(statements, checkpoint);
        await writeSubjects(statements, checkpoint);
        await inSlices(checkpoint.usage, (row) => writeUsage(statements, row));
        await inSlices(checkpoint.findings, (finding) => writeFinding(statements, finding));
        await inSlices(checkpoint.incidents, (incident) => writeIncident(statements, incident));
        writeInputs(statements, checkpoint);
        for (const control of checkpoint.controls) writeControl(statements, control);
        await writeDeadLetters(statements, checkpoint);
        await keeper.prune(checkpoint);
        statements.putInternal.run('checkpointAt', String(options.clock.now()));
        // With the bindings made under it: a crash before leaves a state of the pepper before.
        statements.putInternal.run('pepper', options.pepperFingerprint);
        db.exec('COMMIT');
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK');
        throw error;
      }
    },
  };
}

function prepare(db: DatabaseSync) {
  return {
    ...prepareEngine(db),
    ...prepareResults(db),
    addDeadLetter: db.prepare(
      `INSERT INTO dead_letters (seen_at, bytes, source, stream, position, reason, length, mask)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`,
    ),
    putInternal: db.prepare('INSERT OR REPLACE INTO internal (name, value) VALUES (?1, ?2)'),
  };
}

function prepareEngine(db: DatabaseSync) {
  return {
    putMeta: db.prepare('INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)'),
    putStream: db.prepare(
      'INSERT OR REPLACE INTO streams (stream, source, position, finished) VALUES (?1, ?2, ?3, ?4)',
    ),
    removeGroupPart: db.prepare('DELETE FROM group_parts WHERE key_group = ?1 AND part = ?2'),
    putGroupPart: db.prepare(
      `INSERT INTO group_parts (key_group, part, bytes) VALUES (?1, ?2, ?3)
       ON CONFLICT (key_group, part) DO UPDATE SET bytes = excluded.bytes`,
    ),
    removeSubject: db.prepare('DELETE FROM subjects WHERE digest = ?1'),
    putSubject: db.prepare(
      `INSERT INTO subjects (digest, key_group, id, consumer, record) VALUES (?1, ?2, ?3, ?4, ?5)
       ON CONFLICT (digest) DO UPDATE SET consumer = excluded.consumer, record = excluded.record`,
    ),
    removeOpen: db.prepare('DELETE FROM open_incidents WHERE digest = ?1'),
    putOpen: db.prepare(
      `INSERT INTO open_incidents (digest, body) VALUES (?1, ?2)
       ON CONFLICT (digest) DO UPDATE SET body = excluded.body`,
    ),
    putUsage: db.prepare(
      `INSERT OR REPLACE INTO usage (hour, digest, requests, errors, bytes_in, bytes_out)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6)`,
    ),
    addControl: db.prepare(
      `INSERT INTO controls (sequence, at, kind, body) VALUES (?1, ?2, ?3, ?4)
       ON CONFLICT (sequence) DO NOTHING`,
    ),
    controlBody: db.prepare('SELECT kind, body FROM controls WHERE sequence = ?1'),
  };
}

function prepareResults(db: DatabaseSync) {
  return {
    putFinding: db.prepare(
      `INSERT INTO findings (id, revision, to_at, body) VALUES (?1, ?2, ?3, ?4)
       ON CONFLICT (id) DO UPDATE
       SET revision = excluded.revision, to_at = excluded.to_at, body = excluded.body
       WHERE excluded.revision > findings.revision`,
    ),
    putIncident: db.prepare(
      `INSERT INTO incidents (id, revision, subject_id, severity, updated_at, closed_at, body)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
       ON CONFLICT (id) DO UPDATE
       SET revision = excluded.revision, severity = excluded.severity,
           updated_at = excluded.updated_at, closed_at = excluded.closed_at, body = excluded.body
       WHERE excluded.revision > incidents.revision`,
    ),
    linkFinding: db.prepare(
      'INSERT OR IGNORE INTO incident_findings (incident_id, finding_id) VALUES (?1, ?2)',
    ),
    putInputs: db.prepare(
      `INSERT OR REPLACE INTO finding_inputs
       (finding_id, detector, score, kind, at, layout_version, record, event, context)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`,
    ),
  };
}

function writeEngine(statements: Statements, checkpoint: Checkpoint): void {
  for (const [name, value] of Object.entries(checkpoint.meta)) {
    if (value !== undefined) statements.putMeta.run(name, JSON.stringify(value));
  }
  for (const row of checkpoint.streams) {
    statements.putStream.run(row.stream, row.source, row.position, row.finished ? 1 : 0);
  }
  for (const row of checkpoint.removedGroupParts) {
    statements.removeGroupPart.run(row.group, row.part);
  }
  for (const row of checkpoint.groups) {
    statements.putGroupPart.run(row.group, row.part, row.bytes);
  }
  for (const row of checkpoint.open) {
    if (row.body === null) statements.removeOpen.run(row.digest);
    else statements.putOpen.run(row.digest, row.body);
  }
}

async function writeSubjects(statements: Statements, checkpoint: Checkpoint): Promise<void> {
  // Removed first: a subject that left and came back within one checkpoint must stay.
  await inSlices(checkpoint.removedSubjects, (digest) => statements.removeSubject.run(digest));
  await inSlices(checkpoint.subjects, (row) =>
    statements.putSubject.run(row.digest, row.group, row.id, row.consumer, row.record),
  );
}

function writeUsage(statements: Statements, row: UsageRow): void {
  const hour = Math.floor(row.hourAt / HOUR_MS);
  statements.putUsage.run(hour, row.digest, row.requests, row.errors, row.bytesIn, row.bytesOut);
}

function writeFinding(statements: Statements, finding: Finding): void {
  const toAt = Date.parse(finding.toAt);
  statements.putFinding.run(finding.id, finding.revision, toAt, JSON.stringify(finding));
}

function writeIncident(statements: Statements, incident: Incident): void {
  statements.putIncident.run(
    incident.id,
    incident.revision,
    incident.subject.id,
    SEVERITIES.indexOf(incident.severity),
    Date.parse(incident.updatedAt),
    incident.closedAt === null ? null : Date.parse(incident.closedAt),
    JSON.stringify(incident),
  );
  for (const findingId of incident.findings) statements.linkFinding.run(incident.id, findingId);
}

function writeInputs(statements: Statements, checkpoint: Checkpoint): void {
  for (const row of checkpoint.inputs) {
    statements.putInputs.run(
      row.findingId,
      row.detector,
      row.score,
      row.kind,
      row.at,
      row.layoutVersion,
      row.record,
      row.event,
      JSON.stringify(row.context),
    );
  }
}

/** A sequence number is given once. The same record again is harmless; another one is a programmer's error. */
function writeControl(statements: Statements, control: ControlRecord): void {
  const body = JSON.stringify(control.body);
  const { changes } = statements.addControl.run(control.sequence, control.at, control.kind, body);
  if (changes !== 0) return;
  const kept = statements.controlBody.get(control.sequence);
  const same =
    kept !== undefined && textOf(kept, 'kind') === control.kind && textOf(kept, 'body') === body;
  assert(same, `control record ${control.sequence} is written once`);
}

async function writeDeadLetters(statements: Statements, checkpoint: Checkpoint): Promise<void> {
  await inSlices(checkpoint.deadLetters, (letter) =>
    statements.addDeadLetter.run(
      letter.seenAt,
      letterBytes(letter),
      letter.source,
      letter.stream,
      letter.position,
      letter.reason,
      letter.length,
      letter.mask,
    ),
  );
}

/** Calls `each` for every row, letting the event loop turn between slices. The transaction stays open. */
async function inSlices<T>(rows: Iterable<T>, each: (row: T) => unknown): Promise<void> {
  let count = 0;
  for (const row of rows) {
    each(row);
    if (++count % SLICE_ROWS === 0) await nextTurn();
  }
}
