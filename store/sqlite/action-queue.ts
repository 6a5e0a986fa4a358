/**
 * The queue of work on actions on SQLite, for one process.
 *
 * An entry stays in its row while it is worked on, so that a crash hands it out again; who works on what is known in
 * memory only. `added` grows each time an entry is added: one that was added while it was worked on comes again.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { ActionQueue, QueueEntry } from '../../core/action.ts';
import type { Clock } from '../../core/clock.ts';
import { assert } from '../../core/errors.ts';
import type { Batch } from './batch.ts';
import { numberOf, type Row, textOf } from './rows.ts';

/** Keys of a gateway that are worked on at once. */
const KEYS_AT_ONCE = 8;
/** Due entries that are looked at for one whose key is free. */
const LOOK_AHEAD = 256;
/** At the latest it looks again, for a clock that was set. */
const SLEEP_MS_MAX = 30_000;
const AGAIN_MS = 1000;
const AGAIN_MS_MAX = 60_000;

export interface SqliteActionQueue extends ActionQueue {
  /** Ends all work; resolves once no handler runs. */
  close(): Promise<void>;
}

type Handler = Parameters<ActionQueue['work']>[1];

interface Due {
  readonly action: string;
  readonly subject: string;
  readonly dueAt: number;
  readonly added: number;
}

export function createActionQueue(db: DatabaseSync, batch: Batch, clock: Clock): SqliteActionQueue {
  const statements = prepare(db);
  const workers = new Map<string, Worker>();
  return {
    async add({ gateway, action, subject, at }: QueueEntry) {
      await batch.write(() => statements.add.run(gateway, action, subject, at));
      workers.get(gateway)?.wake();
    },
    async work(gateway, handler, signal) {
      assert(!workers.has(gateway), `one worker for ${gateway}`);
      const worker = createWorker({ gateway, handler, statements, batch, clock, signal });
      workers.set(gateway, worker);
      await worker.ended.finally(() => workers.delete(gateway));
    },
    depth: () =>
      batch.read(() => {
        const rows = statements.depth.all(clock.now());
        return Object.fromEntries(rows.map((row) => [textOf(row, 'gateway'), numberOf(row, 'n')]));
      }),
    async close() {
      await Promise.allSettled([...workers.values()].map((worker) => worker.stop()));
    },
  };
}

function prepare(db: DatabaseSync) {
  return {
    add: db.prepare(
      `INSERT INTO action_queue (gateway, action, subject_id, due_at, added)
       VALUES (?1, ?2, ?3, ?4, 1)
       ON CONFLICT (gateway, action) DO UPDATE
       SET due_at = min(due_at, excluded.due_at), added = added + 1`,
    ),
    due: db.prepare(
      `SELECT action, subject_id, due_at, added FROM action_queue
       WHERE gateway = ?1 AND due_at <= ?2 ORDER BY due_at, action LIMIT ${LOOK_AHEAD}`,
    ),
    next: db.prepare(
      'SELECT min(due_at) AS at FROM action_queue WHERE gateway = ?1 AND due_at > ?2',
    ),
    remove: db.prepare(
      'DELETE FROM action_queue WHERE gateway = ?1 AND action = ?2 AND added = ?3',
    ),
    move: db.prepare(
      `UPDATE action_queue SET due_at = CASE WHEN added = ?3 THEN ?4 ELSE min(due_at, ?4) END
       WHERE gateway = ?1 AND action = ?2`,
    ),
    depth: db.prepare(
      'SELECT gateway, count(*) AS n FROM action_queue WHERE due_at <= ?1 GROUP BY gateway',
    ),
  };
}

interface WorkerParts {
  readonly gateway: string;
  readonly handler: Handler;
  readonly statements: ReturnType<typeof prepare>;
  readonly batch: Batch;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

interface Worker {
  readonly ended: Promise<void>;
  wake(): void;
  stop(): Promise<void>;
}

function createWorker(parts: WorkerParts): Worker {
  const { gateway, statements, batch, clock } = parts;
  const stopping = new AbortController();
  const signal = AbortSignal.any([parts.signal, stopping.signal]);
  /** Keys that are worked on. */
  const busy = new Set<string>();
  const running = new Set<Promise<void>>();
  /** Entries whose handler threw: how often, and until when they rest. */
  const resting = new Map<string, { readonly times: number; readonly untilAt: number }>();
  const alarm = createAlarm(signal);

  function startDue(): number {
    const now = clock.now();
    let nextAt = numberOrMax(statements.next.get(gateway, now));
    for (const entry of statements.due.all(gateway, now).map(dueOf)) {
      const restsUntilAt = resting.get(entry.action)?.untilAt ?? 0;
      if (restsUntilAt > now) nextAt = Math.min(nextAt, restsUntilAt);
      else if (running.size < KEYS_AT_ONCE && !busy.has(entry.subject)) start(entry);
    }
    return nextAt - now;
  }
  function start(entry: Due): void {
    busy.add(entry.subject);
    const run = handle(entry)
      .catch(() => rest(entry.action))
      .finally(() => {
        busy.delete(entry.subject);
        running.delete(run);
        alarm.ring();
      });
    running.add(run);
  }
  async function handle({ action, added }: Due): Promise<void> {
    const againAt = await parts.handler(action, signal);
    await batch.write(() =>
      againAt === undefined
        ? statements.remove.run(gateway, action, added)
        : statements.move.run(gateway, action, added, againAt),
    );
    resting.delete(action);
  }
  function rest(action: string): void {
    const times = (resting.get(action)?.times ?? 0) + 1;
    const ms = Math.min(AGAIN_MS * 2 ** (times - 1), AGAIN_MS_MAX);
    resting.set(action, { times, untilAt: clock.now() + ms });
  }
  async function loop(): Promise<void> {
    try {
      while (!signal.aborted) {
        const restMs = await batch.read(startDue).catch(() => AGAIN_MS);
        await alarm.wait(Math.min(restMs, SLEEP_MS_MAX));
      }
    } finally {
      await Promise.allSettled([...running]);
    }
  }

  const ended = loop();
  return {
    ended,
    wake: () => alarm.ring(),
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

/** Sleeps until a time has passed, somebody rings (also before it sleeps), or the signal. */
function createAlarm(signal: AbortSignal) {
  let rang = false;
  let wake: (() => void) | undefined;
  const ring = (): void => {
    rang = true;
    wake?.();
  };
  signal.addEventListener('abort', ring, { once: true });
  return {
    ring,
    async wait(ms: number): Promise<void> {
      if (!rang) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      wake = undefined;
      rang = false;
    },
  };
}

function dueOf(row: Row): Due {
  return {
    action: textOf(row, 'action'),
    subject: textOf(row, 'subject_id'),
    dueAt: numberOf(row, 'due_at'),
    added: numberOf(row, 'added'),
  };
}

function numberOrMax(row: Row | undefined): number {
  const at = row?.['at'];
  return typeof at === 'number' ? at : Number.MAX_SAFE_INTEGER;
}
