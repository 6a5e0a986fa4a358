/** The audit log on SQLite. Nothing here removes an entry: that is left to a person. */
import type { DatabaseSync } from 'node:sqlite';
import type { AuditEntry, AuditHead, AuditStore } from '../../core/audit.ts';
import type { Batch } from './batch.ts';
import { bodyOf, numberOf, type Row, textOf } from './rows.ts';

/** Of the entry before the first one. */
const NO_HASH = '0'.repeat(64);

export function createAuditStore(db: DatabaseSync, batch: Batch): AuditStore {
  const head = db.prepare(
    'SELECT writer, sequence, hash FROM audit WHERE writer = ?1 ORDER BY sequence DESC LIMIT 1',
  );
  const heads = db.prepare(
    `SELECT writer, sequence, hash FROM audit AS a
     WHERE sequence = (SELECT max(sequence) FROM audit AS b WHERE b.writer = a.writer)
     ORDER BY writer`,
  );
  const add = db.prepare(
    'INSERT INTO audit (writer, sequence, hash, body) VALUES (?1, ?2, ?3, ?4)',
  );
  const entries = db.prepare(
    'SELECT body FROM audit WHERE writer = ?1 AND sequence >= ?2 ORDER BY sequence LIMIT ?3',
  );
  return {
    appendAudit: (entry) =>
      batch.write(() => {
        const { writer, sequence, previous, hash } = entry;
        const last = head.get(writer);
        const lastSequence = last === undefined ? 0 : numberOf(last, 'sequence');
        const lastHash = last === undefined ? NO_HASH : textOf(last, 'hash');
        if (sequence !== lastSequence + 1 || previous !== lastHash) return false;
        add.run(writer, sequence, hash, JSON.stringify(entry));
        return true;
      }),
    auditHead: (writer) =>
      batch.read(() => {
        const row = head.get(writer);
        return row === undefined ? undefined : headOf(row);
      }),
    auditHeads: () => batch.read(() => heads.all().map(headOf)),
    auditEntries: (writer, fromSequence, limit) =>
      batch.read(() => entries.all(writer, fromSequence, limit).map(bodyOf<AuditEntry>)),
  };
}

function headOf(row: Row): AuditHead {
  return {
    writer: textOf(row, 'writer'),
    sequence: numberOf(row, 'sequence'),
    hash: textOf(row, 'hash'),
  };
}
