/** The truth about decisions on SQLite. */
import type { DatabaseSync } from 'node:sqlite';
import {
  type Decision,
  type DecisionFilter,
  type DecisionStore,
  decisionChangedAt,
} from '../../core/decision.ts';
import type { Batch } from './batch.ts';
import { createListing } from './listing.ts';
import { bodyOf } from './rows.ts';

export function createDecisionStore(db: DatabaseSync, batch: Batch): DecisionStore {
  const putDecision = db.prepare(
    `INSERT INTO decisions (id, revision, subject_id, state, open, changed_at, body)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
     ON CONFLICT (id) DO UPDATE
     SET revision = excluded.revision, subject_id = excluded.subject_id, state = excluded.state,
         open = excluded.open, changed_at = excluded.changed_at, body = excluded.body
     WHERE excluded.revision > decisions.revision`,
  );
  const oneDecision = db.prepare('SELECT body FROM decisions WHERE id = ?1');
  const openDecisions = db.prepare('SELECT body FROM decisions WHERE open = 1 ORDER BY id');
  const list = createListing(db, 'decisions');
  return {
    put: (decision) =>
      batch.write(() => {
        const { changes } = putDecision.run(
          decision.id,
          decision.revision,
          decision.subject.id,
          decision.state,
          isOpen(decision) ? 1 : 0,
          decisionChangedAt(decision),
          JSON.stringify(decision),
        );
        return Number(changes) > 0;
      }),
    decision: (id) =>
      batch.read(() => {
        const row = oneDecision.get(id);
        return row === undefined ? undefined : bodyOf<Decision>(row);
      }),
    decisions: ({ limit, subjectId, state, sinceAt }: DecisionFilter) =>
      batch.read(() =>
        list({ limit, sinceAt, where: { subject_id: subjectId, state } }).map(bodyOf<Decision>),
      ),
    openDecisions: () => batch.read(() => openDecisions.all().map(bodyOf<Decision>)),
  };
}

function isOpen({ state }: Decision): boolean {
  return state === 'held' || state === 'waiting' || state === 'standing';
}

/** Removes ended decisions that were changed before that instant, some at a time; answers how many. */
export function createDecisionPruning(db: DatabaseSync): (beforeAt: number, max: number) => number {
  const prune = db.prepare(
    `DELETE FROM decisions WHERE id IN
       (SELECT id FROM decisions WHERE changed_at < ?1 AND open = 0
          AND NOT EXISTS (SELECT 1 FROM actions WHERE decision = decisions.id
                          AND (held = 1 OR unsettled = 1))
        ORDER BY changed_at LIMIT ?2) RETURNING 1 AS n`,
  );
  return (beforeAt, max) => prune.all(beforeAt, max).length;
}
