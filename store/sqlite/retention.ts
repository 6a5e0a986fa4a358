/** What is kept, and for how long. Runs inside each checkpoint, in slices, so that no checkpoint grows long. */
import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../core/clock.ts';
import type { Checkpoint, DeadLetter } from '../../core/store.ts';
import { numberOf, type Row, textOf } from './rows.ts';

/** Defaults and bounds: `state` in core/config.ts. */
export interface RetentionOptions {
  readonly clock: Clock;
  readonly deadLetterBytesMax: number;
  readonly deadLetterDaysMax: number;
  readonly usageMonthsMax: number;
}

/** Rows of one kind deleted per checkpoint for their age. */
const SLICE_ROWS = 1000;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MONTH_MS = 30.44 * DAY_MS;
/** What a dead letter costs beside its texts. */
const LETTER_OVERHEAD_BYTES = 64;

/** What a dead letter counts towards `deadLetterBytesMax`. */
export function letterBytes(letter: DeadLetter): number {
  const { source, stream, reason, mask } = letter;
  const texts = source.length + stream.length + reason.length + Buffer.byteLength(mask);
  return LETTER_OVERHEAD_BYTES + texts;
}

export function createRetention(db: DatabaseSync, options: RetentionOptions) {
  const statements = prepare(db);
  return {
    /** Called within the checkpoint's transaction, after its rows were written. */
    async prune(checkpoint: Checkpoint): Promise<void> {
      pruneLetters(statements, checkpoint, options);
      const newestAt = newestEventAt(statements, options.clock);
      if (newestAt === undefined) return;
      const keptFromAt = newestAt - options.usageMonthsMax * MONTH_MS;
      statements.pruneUsage.run(Math.floor(keptFromAt / HOUR_MS), SLICE_ROWS);
      pruneIncidents(statements, keptFromAt);
    },
  };
}

type Statements = ReturnType<typeof prepare>;

function prepare(db: DatabaseSync) {
  return {
    letterTotal: db.prepare("SELECT value FROM internal WHERE name = 'deadLetterBytes'"),
    putLetterTotal: db.prepare(
      "INSERT OR REPLACE INTO internal (name, value) VALUES ('deadLetterBytes', ?1)",
    ),
    oldestLetters: db.prepare('SELECT row, seen_at, bytes FROM dead_letters ORDER BY row LIMIT ?1'),
    removeLettersTo: db.prepare('DELETE FROM dead_letters WHERE row <= ?1'),
    newest: db.prepare(
      `SELECT max((SELECT coalesce(max(hour), 0) FROM usage) * ${HOUR_MS},
                  (SELECT coalesce(max(updated_at), 0) FROM incidents)) AS at`,
    ),
    pruneUsage: db.prepare(
      `DELETE FROM usage WHERE (hour, digest) IN
         (SELECT hour, digest FROM usage WHERE hour < ?1 ORDER BY hour, digest LIMIT ?2)`,
    ),
    oldIncidents: db.prepare(
      `SELECT id FROM incidents WHERE updated_at < ?1 AND closed_at IS NOT NULL
       ORDER BY updated_at LIMIT ?2`,
    ),
    unlink: db.prepare('DELETE FROM incident_findings WHERE incident_id = ?1'),
    removeIncident: db.prepare('DELETE FROM incidents WHERE id = ?1'),
    // Not before its incident has gone: an incident keeps its evidence.
    oldFindings: db.prepare(
      `SELECT id FROM findings WHERE to_at < ?1 AND NOT EXISTS
         (SELECT 1 FROM incident_findings WHERE finding_id = findings.id)
       ORDER BY to_at LIMIT ?2`,
    ),
    removeInputs: db.prepare('DELETE FROM finding_inputs WHERE finding_id = ?1'),
    removeFinding: db.prepare('DELETE FROM findings WHERE id = ?1'),
  };
}

/**
 * The newest event, but never ahead of the wall clock: a single record with a wrong year would otherwise
 * take the whole history with it.
 */
function newestEventAt(statements: Statements, clock: Clock): number | undefined {
  const row = statements.newest.get();
  const at = row === undefined ? 0 : numberOf(row, 'at');
  return at === 0 ? undefined : Math.min(at, clock.now());
}

/** Holds the bound in bytes at every checkpoint; the bound in days a slice at a time. */
function pruneLetters(
  statements: Statements,
  checkpoint: Checkpoint,
  options: RetentionOptions,
): void {
  const kept = statements.letterTotal.get();
  const before = kept === undefined ? 0 : Number(textOf(kept, 'value'));
  let total = before;
  for (const letter of checkpoint.deadLetters) total += letterBytes(letter);
  const keptFromAt = options.clock.now() - options.deadLetterDaysMax * DAY_MS;
  for (;;) {
    const oldest = statements.oldestLetters.all(SLICE_ROWS);
    const removed = removeWhile(statements, oldest, (row) => {
      const due = total > options.deadLetterBytesMax || numberOf(row, 'seen_at') < keptFromAt;
      if (due) total -= numberOf(row, 'bytes');
      return due;
    });
    if (removed < SLICE_ROWS || total <= options.deadLetterBytesMax) break;
  }
  if (total !== before) statements.putLetterTotal.run(String(total));
}

function removeWhile(
  statements: Statements,
  oldest: readonly Row[],
  isDue: (row: Row) => boolean,
): number {
  let removed = 0;
  while (removed < oldest.length && isDue(oldest[removed]!)) removed++;
  if (removed > 0) statements.removeLettersTo.run(numberOf(oldest[removed - 1]!, 'row'));
  return removed;
}

function pruneIncidents(statements: Statements, keptFromAt: number): void {
  for (const row of statements.oldIncidents.all(keptFromAt, SLICE_ROWS)) {
    const id = textOf(row, 'id');
    statements.unlink.run(id);
    statements.removeIncident.run(id);
  }
  for (const row of statements.oldFindings.all(keptFromAt, SLICE_ROWS)) {
    const id = textOf(row, 'id');
    statements.removeInputs.run(id);
    statements.removeFinding.run(id);
  }
}
