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
  /** The wall clock's own pace: what is found is acted upon. */
  readonly acts?: boolean;
}

export interface TrafficSource extends Source {
  /** What comes next. `paced`: a request is logged when the clock reaches its time. */
  play(events: Iterator<TrafficEvent>, paced: boolean): void;
  /** Asked of paced requests when their time has come: the status with which one is refused. */
  refuses: ((keyId: string) => 403 | 429 | undefined) | undefined;
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
  let next: Coming | undefined;
  const source: TrafficSource = {} as TrafficSource;

  function advance(): void {
    const step = events?.next();
    if (step === undefined || step.done === true) {
      events = undefined;
      next = undefined;
      return;
    }
    next = coming(step.value, paced);
  }

  function write(): void {
    const until = paced ? pace.clock.now() : Number.POSITIVE_INFINITY;
    let text = '';
    for (let lines = 0; lines < BATCH_LINES_MAX && next !== undefined; lines++) {
      if (next.at > until) break;
      text += lineOf(next, source.refuses);
      advance();
    }
    const room = framer.room(text.length * 3);
    framer.filled(encoder.encodeInto(text, room).written);
  }

  return Object.assign(source, {
    name,
    refuses: undefined,
    play(following: Iterator<TrafficEvent>, isPaced: boolean) {
      events = following;
      paced = isPaced;
      advance();
    },
    async read(signal: AbortSignal): Promise<RecordBatch | undefined> {
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
  });
}

interface Coming {
  readonly at: number;
  readonly keyId: string;
  readonly line: string;
  /** Lines as they would be if the gateway refused it; none of the past. */
  readonly refused: Readonly<Record<403 | 429, string>> | undefined;
}

/** The event is reused by the model: what is needed of it is taken at once. */
function coming(event: TrafficEvent, paced: boolean): Coming {
  const { at, key, status } = event;
  const line = `${WRITERS.kong(event)}\n`;
  const keyId = `kong:${key.credentialId}`;
  if (!paced) return { at, keyId, line, refused: undefined };
  const as = (refusedWith: 403 | 429): string => {
    event.status = refusedWith;
    return `${WRITERS.kong(event)}\n`;
  };
  const refused = { 403: as(403), 429: as(429) };
  event.status = status;
  return { at, keyId, line, refused };
}

function lineOf({ keyId, line, refused }: Coming, refuses: TrafficSource['refuses']): string {
  const status = refused === undefined ? undefined : refuses?.(keyId);
  return status === undefined ? line : refused![status];
}
