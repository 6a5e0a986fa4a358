/**
 * The state store on SQLite: one file, one writer, whole checkpoints.
 *
 * Two connections: the writer's transaction stays open over several turns of the event loop, and whoever
 * reads meanwhile sees the checkpoint before. Concurrent processes are kept apart by store/lock.ts, not here.
 */
import { statSync } from 'node:fs';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { type Clock, systemClock } from '../../core/clock.ts';
import { assert, KeyhoundError } from '../../core/errors.ts';
import type { Checkpoint, ControlRecord, EmbeddedStore } from '../../core/store.ts';
import { Turns } from '../../core/turns.ts';
import { backupDatabase } from './backup.ts';
import { createWriter, type WriterOptions } from './commit.ts';
import { DATABASE_FILE, markClean, openDatabase, openReader, readInternal } from './connection.ts';
import { asOperating } from './errors.ts';
import { STATE_SCHEMA, schemaVersion } from './migrations.ts';
import { createReader } from './queries.ts';
import type { RetentionOptions } from './retention.ts';

/** Bounds as in `state` of core/config.ts, with the same defaults. */
export interface SqliteStoreOptions extends Partial<RetentionOptions> {
  /** The state folder; it has to exist. */
  readonly folder: string;
  /** Undefined: not checked. Allowed only with `readOnly`. */
  readonly pepperFingerprint: string | undefined;
  /** Of the pepper before, while it is being changed. The first checkpoint puts the new one in its place. */
  readonly previousFingerprint?: string | undefined;
  /** Nothing is written, not even a migration; `commit` throws. */
  readonly readOnly?: boolean;
}

export interface SqliteFacts {
  readonly file: string;
  /** Database and its log, bytes. */
  readonly bytes: number;
  readonly schemaVersion: number;
  readonly pepperFingerprint: string | undefined;
  /** Wall clock, epoch ms; undefined before the first checkpoint. */
  readonly checkpointAt: number | undefined;
  readonly deadLetterBytes: number;
}

export interface SqliteStore extends EmbeddedStore {
  facts(): SqliteFacts;
  /** Control records with a higher sequence, in order. */
  controls(afterSequence: number, limit: number): Promise<ControlRecord[]>;
}

/**
 * Opens or creates the store of a folder. Throws a KeyhoundError: `state-newer`, `state-older`, `state-foreign`,
 * `state-missing`, `pepper-mismatch` (usage); `state-corrupt`, `state-access`, `state-busy`, `disk-full`,
 * `state-io` (operating). After a kill the whole file is checked first (about 1 s per GiB on a local disk).
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const { folder, pepperFingerprint, previousFingerprint, readOnly = false } = options;
  assert(readOnly || pepperFingerprint !== undefined, 'a writer knows its pepper');
  const file = path.join(folder, DATABASE_FILE);
  const db = openDatabase({
    file,
    schema: STATE_SCHEMA,
    pepperFingerprint,
    previousFingerprint,
    readOnly,
  });
  try {
    if (!readOnly) markClean(db, false);
    return createStore(file, db, readOnly ? undefined : writerOptions(options, pepperFingerprint!));
  } catch (error) {
    db.close();
    throw asOperating(error, file);
  }
}

function writerOptions(options: SqliteStoreOptions, pepperFingerprint: string): WriterOptions {
  return {
    pepperFingerprint,
    clock: options.clock ?? systemClock,
    deadLetterBytesMax: options.deadLetterBytesMax ?? 1 << 30,
    deadLetterDaysMax: options.deadLetterDaysMax ?? 7,
    usageMonthsMax: options.usageMonthsMax ?? 13,
  };
}

function createStore(
  file: string,
  db: DatabaseSync,
  writing: WriterOptions | undefined,
): SqliteStore {
  const readerDb = writing === undefined ? db : openReader(file);
  const reader = createReader(readerDb);
  const writer = writing === undefined ? undefined : createWriter(db, writing);
  const clock: Clock = writing?.clock ?? systemClock;
  /** Two checkpoints never share a transaction. */
  const turns = new Turns();
  const backups = new Set<Promise<void>>();
  let closed: Promise<void> | undefined;

  async function answer<T>(query: () => T): Promise<T> {
    try {
      return query();
    } catch (error) {
      throw asOperating(error, file);
    }
  }

  async function commit(checkpoint: Checkpoint): Promise<void> {
    if (writer === undefined) {
      throw new KeyhoundError('usage', `${file} is open for reading only`, { code: 'read-only' });
    }
    await turns
      .take(() => writer.write(checkpoint))
      .catch((error: unknown) => {
        throw asOperating(error, file);
      });
  }

  function backup(folder: string): Promise<void> {
    const run = backupDatabase(file, folder, clock).finally(() => backups.delete(run));
    backups.add(run);
    return run;
  }

  return {
    load: () => answer(() => (reader.hasCheckpoint() ? reader.load() : undefined)),
    commit,
    incidents: (filter) => answer(() => reader.incidents(filter)),
    incident: (id) => answer(() => reader.incident(id)),
    findings: (ids) => answer(() => reader.findings(ids)),
    findingInputs: (id) => answer(() => reader.findingInputs(id)),
    usage: (digest, sinceAt) => answer(() => reader.usage(digest, sinceAt)),
    subjects: ({ limit, prefix }) => answer(() => reader.subjects(limit, prefix ?? '')),
    deadLetters: (limit) => answer(() => reader.deadLetters(limit)),
    controls: (after, limit) => answer(() => reader.controls(after, limit)),
    facts: () => factsOf(file, readerDb),
    backup,
    close: () => {
      closed ??= Promise.allSettled([...backups])
        .then(() => turns.take(async () => closeInOrder(db, readerDb)))
        .catch((error: unknown) => {
          throw asOperating(error, file);
        });
      return closed;
    },
  };
}

/** Leaves one file, marked as whole: the next opening need not check it. */
function closeInOrder(db: DatabaseSync, readerDb: DatabaseSync): void {
  try {
    if (readerDb !== db) {
      readerDb.close();
      markClean(db, true);
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    }
  } finally {
    db.close();
  }
}

function factsOf(file: string, db: DatabaseSync): SqliteFacts {
  const checkpointAt = readInternal(db, 'checkpointAt');
  return {
    file,
    bytes: sizeOf(file) + sizeOf(`${file}-wal`),
    schemaVersion: schemaVersion(db),
    pepperFingerprint: readInternal(db, 'pepper'),
    checkpointAt: checkpointAt === undefined ? undefined : Number(checkpointAt),
    deadLetterBytes: Number(readInternal(db, 'deadLetterBytes') ?? 0),
  };
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
