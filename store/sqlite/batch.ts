/** Writes that are asked for in one turn of the event loop share one transaction, and so one sync of the disk. */
import type { DatabaseSync } from 'node:sqlite';
import { KeyhoundError } from '../../core/errors.ts';
import { asOperating } from './errors.ts';

/** Writes in one transaction: a burst of more lets the event loop turn between. */
const WRITES_MAX = 256;

export interface Batch {
  /** Resolves with its answer once it is durable. What it throws takes back its own writes only. */
  write<T>(run: () => T): Promise<T>;
  read<T>(query: () => T): Promise<T>;
  /** Writes what waits. */
  flush(): void;
}

interface Job {
  run(): unknown;
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

export function createBatch(db: DatabaseSync, file: string, readOnly: boolean): Batch {
  let waiting: Job[] = [];
  let scheduled = false;

  function schedule(): void {
    if (scheduled || waiting.length === 0) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      writeSome();
      schedule();
    });
  }
  function writeSome(): void {
    const jobs = waiting.slice(0, WRITES_MAX);
    waiting = waiting.slice(WRITES_MAX);
    if (jobs.length === 0) return;
    try {
      for (const tell of transaction(db, jobs)) tell();
    } catch (error) {
      const fault = asOperating(error, file);
      for (const job of jobs) job.reject(fault);
    }
  }

  return {
    write<T>(run: () => T): Promise<T> {
      if (readOnly) return Promise.reject(readOnlyError(file));
      return new Promise<T>((resolve, reject) => {
        waiting.push({ run, resolve: (answer) => resolve(answer as T), reject });
        schedule();
      });
    },
    async read(query) {
      try {
        return query();
      } catch (error) {
        throw asOperating(error, file);
      }
    },
    flush() {
      while (waiting.length > 0) writeSome();
    },
  };
}

/** Runs all jobs and commits; answers how to tell each. Throws when nothing of it was kept. */
function transaction(db: DatabaseSync, jobs: readonly Job[]): (() => void)[] {
  const answers: (() => void)[] = [];
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const job of jobs) answers.push(runOne(db, job));
    db.exec('COMMIT');
    return answers;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

function runOne(db: DatabaseSync, job: Job): () => void {
  db.exec('SAVEPOINT one');
  try {
    const answer = job.run();
    db.exec('RELEASE one');
    return () => job.resolve(answer);
  } catch (error) {
    // A full disk may have ended the whole transaction already.
    if (!db.isTransaction) throw error;
    db.exec('ROLLBACK TO one; RELEASE one');
    return () => job.reject(error);
  }
}

function readOnlyError(file: string): KeyhoundError {
  return new KeyhoundError('usage', `${file} is open for reading only`, { code: 'read-only' });
}
