/**
 * Work on actions, over BullMQ: one queue per gateway. Its jobs are wake-ups; what is due, and whose turn a key is,
 * stands in queue-entries.ts, so a job that is lost, repeated or late does no harm.
 *
 * A worker that loses its connection for longer than `lockMs` has its work cancelled: somebody else begins it then.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { DelayedError, type Job, Queue, Worker } from 'bullmq';
import type { ActionQueue } from '../../../core/action.ts';
import { type Clock, systemClock } from '../../../core/clock.ts';
import type { RedisConfig } from '../../../core/config.ts';
import { type RedisLink, workerConnection } from '../connection.ts';
import { bullPrefix } from './keys.ts';
import { createQueueEntries, type QueueEntries, type Turn, type WakeUp } from './queue-entries.ts';

export interface ActionQueueOptions {
  readonly config: RedisConfig;
  readonly link: RedisLink;
  /** Calls a second that a gateway bears; undefined for no bound. Shared by all processes. */
  perSecond?(gateway: string): number | undefined;
  /** A worker's troubles; the connection's are told by the link. */
  onError?(gateway: string, error: Error): void;
  readonly clock?: Clock;
  readonly timing?: Partial<QueueTiming>;
}

export interface QueueTiming {
  /** Who is silent for so long has lost its work. */
  readonly lockMs: number;
  /** Work of those who have lost it is looked for so often. */
  readonly stalledMs: number;
  /** Entries whose wake-up got lost are looked for so often. */
  readonly sweepMs: number;
}

const TIMING: QueueTiming = { lockMs: 30_000, stalledMs: 5000, sweepMs: 5000 };
/** Until a handler that threw is called again; twice as long with each time. */
const AGAIN_MS = 1000;
const AGAIN_MS_MAX = 60_000;
/** Until it is asked again whether the key is free. */
const BUSY_MS = 100;
/** Keys of a gateway worked on at the same time, in one process. */
const CONCURRENCY = 8;
const SWEPT_AT_ONCE = 100;
/** What a worker that has been told to stop may still take, ms. */
const CLOSE_MS = 10_000;
const JOB = { removeOnComplete: true, removeOnFail: true, attempts: 1 } as const;

type Handler = (actionId: string, signal: AbortSignal) => Promise<number | undefined>;

export function createActionQueue(options: ActionQueueOptions): ActionQueue {
  const { config, link, clock = systemClock } = options;
  const entries = createQueueEntries(link, config.prefix);
  const wakers = new Map<string, Queue>();
  const wakerOf = (gateway: string) => {
    let waker = wakers.get(gateway);
    if (waker === undefined) {
      waker = new Queue(gateway, {
        connection: link.redis,
        prefix: bullPrefix(config.prefix),
      });
      // Told by what was called as well.
      waker.on('error', () => undefined);
      wakers.set(gateway, waker);
    }
    return waker;
  };
  const wake = async (gateway: string, { dueAt, number }: WakeUp) => {
    const delayMs = Math.max(0, dueAt - clock.now());
    // Not an integer, which BullMQ keeps for itself.
    const job = { ...JOB, jobId: `w${number}`, delay: delayMs };
    await link.insist(() => wakerOf(gateway).add('wake', {}, job));
  };
  const timing = { ...TIMING, ...options.timing };
  return {
    async add(entry) {
      await wake(entry.gateway, await entries.add(entry));
    },
    async work(gateway, handler, signal) {
      if (signal.aborted) return;
      const failures = new Map<string, number>();
      const desk = { ...options, clock, timing, entries, gateway, handler, failures, wake };
      await workUntil(desk, wakerOf(gateway), signal);
    },
    depth: () => entries.depth(clock.now()),
    async close() {
      for (const waker of wakers.values()) await waker.close();
      wakers.clear();
    },
  };
}

interface Desk extends ActionQueueOptions {
  readonly clock: Clock;
  readonly timing: QueueTiming;
  readonly entries: QueueEntries;
  readonly gateway: string;
  readonly handler: Handler;
  /** How often in a row an action's handler threw, here. */
  readonly failures: Map<string, number>;
  wake(gateway: string, wakeUp: WakeUp): Promise<void>;
}

async function workUntil(desk: Desk, waker: Queue, signal: AbortSignal): Promise<void> {
  const { config, gateway, timing } = desk;
  const perSecond = desk.perSecond?.(gateway);
  const connection = workerConnection(config);
  const fail = (error: Error) => desk.onError?.(gateway, error);
  connection.on('error', fail);
  const worker: Worker = new Worker(
    gateway,
    (job: Job, token, cancelled) =>
      handle(desk, job, token, AbortSignal.any([signal, ...(cancelled ? [cancelled] : [])])),
    {
      connection,
      prefix: bullPrefix(config.prefix),
      concurrency: CONCURRENCY,
      lockDuration: timing.lockMs,
      stalledInterval: timing.stalledMs,
      // A wake-up that comes too often does nothing; one that does not come waits for the sweep.
      maxStalledCount: 1000,
      ...(perSecond === undefined ? {} : { limiter: limiterOf(perSecond) }),
    },
  );
  worker.on('error', fail);
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) worker.cancelJob(id, 'its lock was lost');
  });
  const ended = new AbortController();
  const sweeping = sweep(desk, waker, ended.signal);
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  ended.abort();
  await sweeping;
  const late = delay(CLOSE_MS, undefined, { ref: false });
  await Promise.race([worker.close(), late]);
  connection.disconnect();
}

function limiterOf(perSecond: number): { max: number; duration: number } {
  return perSecond >= 1
    ? { max: Math.floor(perSecond), duration: 1000 }
    : { max: 1, duration: Math.ceil(1000 / perSecond) };
}

async function handle(
  desk: Desk,
  job: Job,
  token: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { clock, entries, gateway, timing } = desk;
  const turn = await entries.begin(gateway, randomUUID(), clock.now(), timing.lockMs);
  if (turn === undefined) return;
  if (turn === 'busy') {
    await job.moveToDelayed(clock.now() + BUSY_MS, token);
    throw new DelayedError();
  }
  const lost = new AbortController();
  const keeping = keepTurn(desk, turn, lost);
  let nextMs: number | undefined;
  try {
    nextMs = await desk.handler(turn.actionId, AbortSignal.any([signal, lost.signal]));
    desk.failures.delete(turn.actionId);
  } catch {
    // What failed is in the action's record; here it only counts that it is not done.
    nextMs = clock.now() + (signal.aborted ? 0 : restMs(desk.failures, turn.actionId));
  } finally {
    clearInterval(keeping);
  }
  const next = await entries.end(turn, nextMs);
  if (next !== undefined) await desk.wake(gateway, next);
}

function restMs(failures: Map<string, number>, actionId: string): number {
  const times = (failures.get(actionId) ?? 0) + 1;
  failures.set(actionId, times);
  return Math.min(AGAIN_MS * 2 ** (times - 1), AGAIN_MS_MAX);
}

/** Holds the turn while the handler works; aborts when it is another's, or may be. */
function keepTurn(
  { entries, timing: { lockMs } }: Desk,
  turn: Turn,
  lost: AbortController,
): NodeJS.Timeout {
  let keptAt = performance.now();
  const timer = setInterval(
    () => {
      if (performance.now() - keptAt > lockMs) lost.abort();
      const asked = performance.now();
      entries.keep(turn, lockMs).then(
        (isOurs) => {
          if (isOurs) keptAt = Math.max(keptAt, asked);
          else lost.abort();
        },
        () => undefined,
      );
    },
    Math.ceil(lockMs / 4),
  );
  return timer;
}

/** Wakes up for what should have been begun: at the start all of it, later what nobody has taken for a while. */
async function sweep(desk: Desk, waker: Queue, signal: AbortSignal): Promise<void> {
  const { clock, entries, gateway, timing, link } = desk;
  for (let graceMs = 0; !signal.aborted; graceMs = timing.sweepMs) {
    try {
      const overdue = await entries.overdue(gateway, clock.now() - graceMs);
      const jobs = Array.from({ length: Math.min(overdue, SWEPT_AT_ONCE) }, (_, i) => ({
        name: 'wake',
        data: {},
        opts: { ...JOB, jobId: `sweep${i}` },
      }));
      if (jobs.length > 0) await link.insist(() => waker.addBulk(jobs));
    } catch {
      // Redis is away: the link says so, and the next round finds them.
    }
    await delay(timing.sweepMs, undefined, { ref: false, signal }).catch(() => undefined);
  }
}
