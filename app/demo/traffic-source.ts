/**
 * The demo's gateway: the traffic model written as Kong logs it, as a source of bytes like any other. Past
 * traffic comes as fast as it is read, live traffic when its time has come.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import type { RecordBatch, Source } from '../../core/source.ts';
import { Framer } from '../../ingest/framing.ts';
import type { TrafficEvent } from '../../traffic/contract.ts';
import { WRITERS } from '../../traffic/write.ts';

export interface Pace {
  readonly clock: Clock;
  /** Rejects when aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export interface TrafficSource extends Source {
  /** What comes next. `paced`: a request is logged when the clock reaches its time. */
  play(events: Iterator<TrafficEvent>, paced: boolean): void;
}

/** About 40 ms of work, so that signals are heard in between. */
const BATCH_LINES_MAX = 2048;
/** A paced read answers at least this often, with nothing if there is nothing. */
const WAIT_MS_MAX = 250;

export function createTrafficSource(name: string, pace: Pace): TrafficSource {
  const framer = new Framer('lines');
  const encoder = new TextEncoder();
  let events: Iterator<TrafficEvent> | undefined;
  let paced = false;
  let next: { readonly line: string; readonly at: number } | undefined;

  function advance(): void {
    const step = events?.next();
    if (step === undefined || step.done === true) {
      events = undefined;
      next = undefined;
      return;
    }
    // The event is reused by the model: what is needed of it is taken at once.
    next = { line: `${WRITERS.kong(step.value)}\n`, at: step.value.at };
  }

  function write(): void {
    const until = paced ? pace.clock.now() : Number.POSITIVE_INFINITY;
    let text = '';
    for (let lines = 0; lines < BATCH_LINES_MAX && next !== undefined; lines++) {
      if (next.at > until) break;
      text += next.line;
      advance();
    }
    const room = framer.room(text.length * 3);
    framer.filled(encoder.encodeInto(text, room).written);
  }

  return {
    name,
    play(following, isPaced) {
      events = following;
      paced = isPaced;
      advance();
    },
    async read(signal): Promise<RecordBatch | undefined> {
      await nextTurn();
      signal.throwIfAborted();
      if (next === undefined) return undefined;
      if (paced) {
        const ms = Math.min(WAIT_MS_MAX, next.at - pace.clock.now());
        if (ms > 0) await pace.sleep(ms, signal);
      }
      const before = framer.filledTo;
      write();
      framer.cut(false);
      return framer.batch(`${name}:made`, framer.filledTo - before, false);
    },
    close: async () => {
      events = undefined;
      next = undefined;
    },
  };
}
