/** Events from a stream into the engine, a few at a time, so that the records they need are read ahead. */
import { createEvent } from '../core/event.ts';
import type { EventStream } from '../ingest/reader.ts';
import type { Sequence } from './sequence.ts';

const AHEAD = 32;

/** One a process: applying is synchronous. */
const ring = Array.from({ length: AHEAD }, createEvent);

/** Applies up to AHEAD events of what has been loaded; false when more must be loaded. */
export function applySome(
  stream: EventStream,
  engine: Pick<Sequence, 'touch' | 'observe'>,
): boolean {
  let count = 0;
  while (count < AHEAD && stream.next()) {
    ring[count] = stream.exchange(ring[count]!);
    count++;
  }
  engine.touch(ring, count);
  for (let i = 0; i < count; i++) engine.observe(ring[i]!);
  return count === AHEAD;
}
