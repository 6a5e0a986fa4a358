/** Standard input, once. */
import type { Readable } from 'node:stream';
import type { Framing } from '../../core/format.ts';
import type { Source } from '../../core/source.ts';
import { createStreamSource } from './stream.ts';

export interface StdinSourceOptions {
  readonly name: string;
  readonly framing: Framing;
  readonly chunkBytes?: number | undefined;
  readonly recordBytesMax?: number | undefined;
  /** For tests. Default process.stdin. */
  readonly input?: Readable | undefined;
}

/** Standard input to its end. It cannot go on after a restart: see createStreamSource. */
export function createStdinSource(options: StdinSourceOptions): Source {
  return createStreamSource({ ...options, input: options.input ?? process.stdin });
}
