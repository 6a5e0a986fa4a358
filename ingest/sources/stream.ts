/** Bytes that come once and cannot be read again: a pipe, a socket. */
import type { Readable } from 'node:stream';
import { KeyhoundError } from '../../core/errors.ts';
import type { Framing } from '../../core/format.ts';
import type { RecordBatch, Source } from '../../core/source.ts';
import { CHUNK_BYTES, Framer } from '../framing.ts';
import { identify } from './identity.ts';

export interface StreamSourceOptions {
  readonly name: string;
  readonly framing: Framing;
  readonly input: Readable;
  readonly chunkBytes?: number | undefined;
  readonly recordBytesMax?: number | undefined;
}

/**
 * Reads `input` to its end. Positions always begin at 0, because a pipe cannot go on where it was; the stream
 * is called `NAME:pipe-HASH` after its beginning. So the same bytes piped again are recognised as repeats,
 * and others are a stream of their own.
 */
export function createStreamSource(options: StreamSourceOptions): Source {
  const { name, framing, input, recordBytesMax, chunkBytes = CHUNK_BYTES } = options;
  const framer = new Framer(framing, { recordBytesMax });
  const iterator = (input as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let rest: Buffer | undefined;
  let isDone = false;
  let stream: string | undefined;

  /** Bytes given to the framer; 0 at the end. */
  async function fill(signal: AbortSignal): Promise<number> {
    let chunk = rest;
    rest = undefined;
    if (chunk === undefined) {
      const next = await untilAborted(iterator.next(), signal, name);
      if (next.done === true) return 0;
      chunk = next.value;
    }
    framer.push(chunk.subarray(0, chunkBytes));
    if (chunk.length > chunkBytes) rest = chunk.subarray(chunkBytes);
    return Math.min(chunk.length, chunkBytes);
  }

  return {
    name,
    async read(signal): Promise<RecordBatch | undefined> {
      if (isDone) return undefined;
      for (let length = 0; ; ) {
        signal.throwIfAborted();
        const more = await fill(signal);
        length += more;
        isDone = more === 0;
        stream ??= pipeName(options, framer, isDone);
        if (stream === undefined) continue;
        framer.cut(isDone);
        if (isDone || framer.count > 0 || framer.tooLong.length > 0) {
          return framer.batch(stream, length, isDone);
        }
      }
    },
    async close() {
      isDone = true;
      input.destroy();
    },
  };
}

/** Undefined while too little has come to tell; then nothing has been cut either. */
function pipeName(
  { name, framing }: StreamSourceOptions,
  framer: Framer,
  isDone: boolean,
): string | undefined {
  const identity = identify(framing, framer.bytes.subarray(0, framer.used), isDone);
  return identity === undefined ? undefined : `${name}:pipe-${identity.hash}`;
}

async function untilAborted<T>(waiting: Promise<T>, signal: AbortSignal, name: string): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([waiting, promise]);
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new KeyhoundError('operating', `source ${name}: reading failed`, {
      code: 'source-unreadable',
      cause,
    });
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
