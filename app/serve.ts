/** The loops of a service that reads: every source until it ends, and the clock that looks after them and saves. */
import { setTimeout as sleep } from 'node:timers/promises';
import { KeyhoundError } from '../core/errors.ts';
import type { Turns } from '../core/turns.ts';
import type { EventStream } from '../ingest/reader.ts';
import type { LiveInput } from './live-inputs.ts';
import type { SourceWatch } from './source-watch.ts';

const LOOK_MS = 1000;
const RETRY_MS_MIN = 1000;
const RETRY_MS_MAX = 30_000;

/** What ends the service, although its cause would be worth another try elsewhere. */
export class Unmendable extends Error {
  constructor(cause: unknown) {
    super('cannot go on', { cause });
  }
}

export interface Serving {
  readonly inputs: readonly LiveInput[];
  readonly watch: SourceWatch;
  /** Applying and saving take turns. */
  readonly turns: Turns;
  /** Applies what has been loaded. */
  apply(stream: EventStream): void | Promise<void>;
  save(): Promise<void>;
  isSaveDue(): boolean;
  /** Time between two looks at the most, ms. */
  readonly lookMs: number;
  /** Called before what is left is saved. */
  stopIntake(): Promise<void> | undefined;
}

/** Until the signal. Rejects when something broke that no retry can mend. */
export async function serve(serving: Serving, signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const until = AbortSignal.any([signal, stop.signal]);
  const loops = serving.inputs.map((input) => consume(input, serving, until));
  loops.push(keepTime(serving, until));
  const failed = await Promise.all(loops.map((loop) => loop.catch(stopWith(stop))));
  const error = failed.find((cause) => cause !== undefined);
  if (error !== undefined) throw error instanceof Unmendable ? error.cause : error;
  await serving.stopIntake();
  await serving.turns.take(() => serving.save());
}

function stopWith(stop: AbortController): (error: unknown) => unknown {
  return (error) => {
    stop.abort();
    return error;
  };
}

/** One source to its end, again and again after operating failures. */
async function consume(
  input: LiveInput,
  { apply, turns, watch }: Serving,
  signal: AbortSignal,
): Promise<undefined> {
  let retryMs = RETRY_MS_MIN;
  while (!signal.aborted) {
    const stream = input.open();
    try {
      while (await stream.fill(signal)) {
        retryMs = RETRY_MS_MIN;
        await turns.take(() => apply(stream));
      }
      watch.end(input.source);
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof KeyhoundError) || error.kind !== 'operating') throw error;
      watch.fail(input.source, error.message);
      await sleep(retryMs, undefined, { signal }).catch(() => undefined);
      retryMs = Math.min(RETRY_MS_MAX, retryMs * 2);
    } finally {
      await stream.close();
    }
  }
}

/** Looks for silent sources, and saves when it is time. */
async function keepTime(
  { isSaveDue, lookMs, save, turns, watch }: Serving,
  signal: AbortSignal,
): Promise<undefined> {
  const everyMs = Math.min(LOOK_MS, lookMs);
  while (!signal.aborted) {
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    await turns.take(() => watch.look());
    if (isSaveDue()) await turns.take(save);
  }
}
