/** What tests of the spool put into it, and read out of it. */
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { createEvent } from '../../core/event.ts';
import type { StreamPosition } from '../../core/source.ts';
import type { Spool } from '../../ingest/spool.ts';
import { PayloadWriter, SpoolReader } from '../../ingest/spool-reader.ts';

export const options = { bytesMax: 1 << 20, commitMs: 1 };

/** Each call of what it answers is a folder of its own; they are removed after the tests of the file. */
export function spoolFolders(): () => string {
  const root = fs.mkdtempSync(join(tmpdir(), 'keyhound-spool-'));
  after(() => fs.rmSync(root, { recursive: true }));
  let folders = 0;
  return () => join(root, `${folders++}`);
}

export function payload(source: string, ...times: number[]): Uint8Array {
  const writer = new PayloadWriter(source);
  for (const at of times) writer.add({ ...createEvent(), at });
  return writer.bytes();
}

export interface Read {
  readonly at: number;
  readonly stream: string;
  readonly position: number;
}

/** Everything in the spool from the saved positions on. */
export async function readAll(
  spool: Spool,
  saved = new Map<string, StreamPosition>(),
): Promise<Read[]> {
  const streams: string[] = [];
  const reader = new SpoolReader({
    spool,
    saved: [...saved.values()],
    openStream: (_, stream) => streams.push(stream) - 1,
    onApplied: ({ stream, position }) => {
      saved.set(stream, { stream, source: '', position, finished: false });
    },
  });
  const abort = new AbortController();
  const read: Read[] = [];
  for (;;) {
    const filling = reader.fill(abort.signal);
    // Nothing more can come: the writer is this test.
    if (reader.appliedTo >= spool.end || spool.bytes === 0) abort.abort();
    const isFilled = await filling.catch(() => false);
    if (!isFilled) return read;
    while (reader.next()) {
      const { at, stream, position } = reader.event;
      read.push({ at, stream: streams[stream] ?? '', position });
    }
  }
}
export const times = (read: readonly Read[]) => read.map(({ at }) => at);
