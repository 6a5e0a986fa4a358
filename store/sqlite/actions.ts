/** The truth about actions on SQLite. */
import type { DatabaseSync } from 'node:sqlite';
import {
  type Action,
  type ActionFilter,
  type ActionStore,
  actionChangedAt,
  isHeld,
  isUnsettled,
} from '../../core/action.ts';
import type { Batch } from './batch.ts';
import { createListing } from './listing.ts';
import { bodyOf, numberOf } from './rows.ts';

export function createActionStore(db: DatabaseSync, batch: Batch): ActionStore {
  const statements = prepare(db);
  const list = createListing(db, 'actions');
  return {
    createAction: (given) =>
      batch.write(() => {
        const { gateway, subject } = given;
        const last = statements.lastVersion.get(gateway, subject.id);
        const version = (last === undefined ? 0 : numberOf(last, 'version')) + 1;
        const action: Action = { ...given, version };
        const { changes } = statements.addAction.run(
          ...columnsOf(action),
          action.decision,
          gateway,
          subject.id,
          version,
        );
        return Number(changes) > 0;
      }),
    changeAction: (next) =>
      batch.write(() => Number(statements.changeAction.run(...columnsOf(next)).changes) > 0),
    action: (id) =>
      batch.read(() => {
        const row = statements.action.get(id);
        return row === undefined ? undefined : bodyOf<Action>(row);
      }),
    actions: ({ limit, sinceAt, subjectId, gateway, state, decision }: ActionFilter) =>
      batch.read(() => {
        const where = { subject_id: subjectId, gateway, state, decision };
        return list({ limit, sinceAt, where }).map(bodyOf<Action>);
      }),
    unsettledActions: () => batch.read(() => statements.unsettled.all().map(bodyOf<Action>)),
    heldActions: (gateway, subjectId) =>
      batch.read(() => {
        const rows =
          gateway === undefined || subjectId === undefined
            ? statements.held.all(gateway ?? null, subjectId ?? null)
            : statements.heldOfKey.all(gateway, subjectId);
        return rows.map(bodyOf<Action>);
      }),
  };
}

function prepare(db: DatabaseSync) {
  return {
    lastVersion: db.prepare(
      `SELECT version FROM actions WHERE gateway = ?1 AND subject_id = ?2
       ORDER BY version DESC LIMIT 1`,
    ),
    addAction: db.prepare(
      `INSERT INTO actions (id, revision, state, unsettled, held, changed_at, body,
                            decision, gateway, subject_id, version)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
       ON CONFLICT (id) DO NOTHING`,
    ),
    changeAction: db.prepare(
      `UPDATE actions SET revision = ?2, state = ?3, unsettled = ?4, held = ?5, changed_at = ?6,
                          body = ?7
       WHERE id = ?1 AND revision = ?2 - 1`,
    ),
    action: db.prepare('SELECT body FROM actions WHERE id = ?1'),
    unsettled: db.prepare('SELECT body FROM actions WHERE unsettled = 1 ORDER BY id'),
    held: db.prepare(
      `SELECT body FROM actions
       WHERE held = 1 AND (?1 IS NULL OR gateway = ?1) AND (?2 IS NULL OR subject_id = ?2)
       ORDER BY version DESC, id`,
    ),
    heldOfKey: db.prepare(
      `SELECT body FROM actions WHERE held = 1 AND gateway = ?1 AND subject_id = ?2
       ORDER BY version DESC`,
    ),
  };
}

function columnsOf(action: Action): [string, number, string, number, number, number, string] {
  return [
    action.id,
    action.revision,
    action.state,
    isUnsettled(action) ? 1 : 0,
    isHeld(action) ? 1 : 0,
    actionChangedAt(action),
    JSON.stringify(action),
  ];
}

/**
 * Removes settled actions that were changed before that instant, some at a time; answers how many. The last of a
 * key at a gateway stays while one before it does: versions never go back.
 */
export function createActionPruning(db: DatabaseSync): (beforeAt: number, max: number) => number {
  const prune = db.prepare(
    `DELETE FROM actions WHERE id IN
       (SELECT id FROM actions AS a WHERE changed_at < ?1 AND held = 0 AND unsettled = 0
          AND NOT EXISTS (SELECT 1 FROM actions AS b WHERE b.gateway = a.gateway
                          AND b.subject_id = a.subject_id AND b.version < a.version)
        ORDER BY changed_at LIMIT ?2) RETURNING 1 AS n`,
  );
  return (beforeAt, max) => prune.all(beforeAt, max).length;
}
