import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Framing } from '../../../core/format.ts';
import type { StreamPosition } from '../../../core/source.ts';
import { createFollowSource } from '../../../ingest/sources/follow.ts';
import { never, recordsOf } from '../toy.ts';

class Drained extends Error {}

/** Texts of the records, read anew after each part of the file is written. */
async function readInParts(framing: Framing, parts: readonly string[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'keyhound-pieces-'));
  const texts: string[] = [];
  let saved: StreamPosition[] = [];
  try {
    for (const part of parts) {
      appendFileSync(join(folder, 'app.log'), part);
      const idle = (): never => {
        throw new Drained();
      };
      const patterns = [join(folder, 'app.log')];
      const source = createFollowSource({ name: 'app', framing, patterns, saved, idle });
      try {
        for (;;) {
          const batch = (await source.read(never))!;
          texts.push(...recordsOf(batch).map(({ text }) => text));
          const { stream, nextPosition: position } = batch;
          saved = [{ stream, source: 'app', position, finished: false }];
        }
      } catch (error) {
        if (!(error instanceof Drained)) throw error;
      } finally {
        await source.close();
      }
    }
    return texts;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('events of an array are followed over restarts', async () => {
  const parts = ['{"owner":"1","logEvents":[{"a":1},{"a":2}', ',{"a":3}]}\n'];
  assert.deepEqual(await readInParts('events', parts), ['{"a":1}', '{"a":2}', '{"a":3}']);
});

test('the pieces of a line of a container are one record over restarts', async () => {
  const lines = ['stdout F one', 'stdout P two', 'stderr F three', 'stdout F four'].map(
    (line) => `2026-11-22T04:18:21Z ${line}\n`,
  );
  const records = [lines[0]!, lines.slice(1).join(''), lines[2]!].map((text) => text.slice(0, -1));
  assert.deepEqual(await readInParts('cri', lines), records);
});
