/**
 * What the response keeps, on SQLite, in a file of its own: a checkpoint of detection never delays an action, and
 * the response syncs nothing but its own few rows. Concurrent processes are kept apart by store/lock.ts.
 */
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { ActionQueue, ActionStore } from '../../core/action.ts';
import type { DeliveryStore } from '../../core/alert.ts';
import type { AuditStore } from '../../core/audit.ts';
import { type Clock, systemClock } from '../../core/clock.ts';
import type { DecisionStore } from '../../core/decision.ts';
import type { ReportStore } from '../../core/report.ts';
import type { VerdictStore } from '../../core/verdict.ts';
import { createActionQueue } from './action-queue.ts';
import { createActionPruning, createActionStore } from './actions.ts';
import { createAuditStore } from './audit.ts';
import { type Batch, createBatch } from './batch.ts';
import { markClean, openDatabase } from './connection.ts';
import { createDecisionPruning, createDecisionStore } from './decisions.ts';
import { createDeliveryStore, createReportStore } from './deliveries.ts';
import { asOperating } from './errors.ts';
import { RESPONSE_FILE, RESPONSE_SCHEMA } from './response-schema.ts';
import { createVerdictStore } from './verdicts.ts';

const HOUR_MS = 3_600_000;
const MONTH_MS = 30.44 * 24 * HOUR_MS;
/** Rows of a kind removed at a time for their age. */
const SLICE_ROWS = 1000;

export interface ResponseStoreOptions {
  /** The state folder; it has to exist. */
  readonly folder: string;
  readonly clock?: Clock;
  /** Nothing is written, not even a migration; what would write rejects. */
  readonly readOnly?: boolean;
  /** How long ended decisions and settled actions are kept. The audit is kept until a person removes it. */
  readonly monthsMax?: number;
}

export interface ResponseStore
  extends DecisionStore,
    ActionStore,
    AuditStore,
    VerdictStore,
    DeliveryStore,
    ReportStore {
  readonly queue: ActionQueue;
  /** Removes what is older than it is kept; also done with the first write and hourly after. */
  prune(): Promise<void>;
  /** Ends the work of the queue, writes what waits, and leaves one file. */
  close(): Promise<void>;
}

/** Opens or creates the file in a folder. Throws as openSqliteStore does. */
export async function openSqliteResponseStore(
  options: ResponseStoreOptions,
): Promise<ResponseStore> {
  const { folder, readOnly = false, clock = systemClock, monthsMax = 13 } = options;
  const file = path.join(folder, RESPONSE_FILE);
  const db = openDatabase({
    file,
    schema: RESPONSE_SCHEMA,
    // Ids of keys stand in it as the state beside it has them; that one is checked.
    pepperFingerprint: undefined,
    previousFingerprint: undefined,
    readOnly,
  });
  try {
    if (!readOnly) markClean(db, false);
    return createResponseStore({ db, file, clock, readOnly, monthsMax });
  } catch (error) {
    db.close();
    throw asOperating(error, file);
  }
}

interface Parts {
  readonly db: DatabaseSync;
  readonly file: string;
  readonly clock: Clock;
  readonly readOnly: boolean;
  readonly monthsMax: number;
}

function createResponseStore({ db, file, clock, readOnly, monthsMax }: Parts): ResponseStore {
  const plain = createBatch(db, file, readOnly);
  const prune = pruningOf(db, clock, monthsMax);
  let prunedAt = 0;
  const batch: Batch = {
    ...plain,
    write(run) {
      if (!readOnly && clock.now() - prunedAt >= HOUR_MS) {
        prunedAt = clock.now();
        plain.write(prune).catch(() => {
          // Nothing depends on it; the write that it comes with tells what is wrong with the disk.
        });
      }
      return plain.write(run);
    },
  };
  const queue = createActionQueue(db, batch, clock);
  let closed: Promise<void> | undefined;
  return {
    ...createDecisionStore(db, batch),
    ...createActionStore(db, batch),
    ...createAuditStore(db, batch),
    ...createVerdictStore(db, batch),
    ...createDeliveryStore(db, batch),
    ...createReportStore(db, batch),
    queue,
    async prune() {
      await plain.write(prune);
    },
    close() {
      closed ??= queue.close().then(() => closeInOrder(db, file, batch, readOnly));
      return closed;
    },
  };
}

/** Actions first: a decision stays while one of its actions does anything. */
function pruningOf(db: DatabaseSync, clock: Clock, monthsMax: number): () => void {
  const pruneActions = createActionPruning(db);
  const pruneDecisions = createDecisionPruning(db);
  return () => {
    const beforeAt = clock.now() - monthsMax * MONTH_MS;
    pruneActions(beforeAt, SLICE_ROWS);
    pruneDecisions(beforeAt, SLICE_ROWS);
  };
}

function closeInOrder(db: DatabaseSync, file: string, batch: Batch, readOnly: boolean): void {
  try {
    if (readOnly) return;
    batch.flush();
    markClean(db, true);
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch (error) {
    throw asOperating(error, file);
  } finally {
    db.close();
  }
}
