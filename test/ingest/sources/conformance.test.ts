import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, describe, test } from 'node:test';
import type { RecordBatch, Source, StreamPosition } from '../../../core/source.ts';
import { SOURCES, type SourceKind, type SourceOptions } from '../../../ingest/sources/list.ts';
import { never, recordsOf, type SeenRecord } from '../toy.ts';

const folder = fs.mkdtempSync(join(tmpdir(), 'keyhound-sources-'));
after(() => fs.rmSync(folder, { recursive: true }));

class Drained extends Error {}
const drained = async () => {
  throw new Drained();
};

const objects = Array.from({ length: 60 }, (_, n) => ({ n, s: `"}{][,${'é'.repeat(n % 7)}` }));
const media = [
  { name: 'lines', framing: 'lines', text: `${objects.map((o) => o.n).join('\r\n')}\n` },
  {
    name: 'objects',
    framing: 'json',
    text: `${objects.map((o) => JSON.stringify(o)).join('\n')}\n`,
  },
  { name: 'array', framing: 'json', text: JSON.stringify(objects) },
  { name: 'wrapped', framing: 'json', text: JSON.stringify({ Records: objects, x: [] }, null, 2) },
] as const;

for (const kind of SOURCES) {
  describe(kind.id, () => {
    for (const medium of media) describe(medium.name, () => conforms(kind, medium));

    test('an abort rejects, and closing twice is harmless', async () => {
      const source = open(kind, media[0], 10);
      await assert.rejects(source.read(AbortSignal.abort()), { name: 'AbortError' });
      await source.close();
      await source.close();
    });
  });
}

function open(
  kind: SourceKind,
  medium: (typeof media)[number],
  chunkBytes: number,
  options: Partial<SourceOptions> = {},
): Source {
  const path = join(folder, medium.name);
  if (!fs.existsSync(path)) fs.writeFileSync(path, medium.text);
  const { framing } = medium;
  const input = Readable.from(chunksOf(Buffer.from(medium.text), chunkBytes));
  const base = { name: 'toy', framing, paths: [path], input, idle: drained };
  return kind.open({ ...base, chunkBytes, ...options });
}

function* chunksOf(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function batchesOf(
  source: Source,
  onBatch: (batch: RecordBatch) => Promise<void> | void,
): Promise<void> {
  try {
    for (;;) {
      const batch = await source.read(never);
      if (batch === undefined) break;
      await onBatch(batch);
    }
  } catch (error) {
    if (!(error instanceof Drained)) throw error;
  }
  await source.close();
}

async function readAll(source: Source): Promise<SeenRecord[]> {
  const records: SeenRecord[] = [];
  await batchesOf(source, (batch) => {
    records.push(...recordsOf(batch));
  });
  return records;
}

function conforms(kind: SourceKind, medium: (typeof media)[number]): void {
  test('the same records, positions and stream name whatever is read at a time', async () => {
    const expected = await readAll(open(kind, medium, 1 << 20));
    assert.equal(expected.length, objects.length);
    for (const chunk of [13, 100, 1000]) {
      assert.deepEqual(await readAll(open(kind, medium, chunk)), expected, `chunks of ${chunk}`);
    }
  });

  test('positions only grow, and name the bytes of the record', async () => {
    const bytes = Buffer.from(medium.text);
    let before = -1;
    for (const { position, text } of await readAll(open(kind, medium, 50))) {
      assert.ok(position > before);
      before = position;
      assert.equal(bytes.toString('utf8', position, position + Buffer.byteLength(text)), text);
    }
  });

  test('from any saved position exactly the rest', async () => {
    const all = await readAll(open(kind, medium, 50));
    let count = 0;
    await batchesOf(open(kind, medium, 150), async (batch) => {
      count += batch.count;
      const { stream, nextPosition: position, ended: finished } = batch;
      const saved: StreamPosition[] = [{ stream, source: 'toy', position, finished }];
      const rest = await readAll(open(kind, medium, 640, { saved }));
      const isNew = (record: SeenRecord) => kind.resumes || record.position >= position;
      assert.deepEqual(rest.filter(isNew), all.slice(count));
    });
    assert.equal(count, objects.length);
  });

  test('a record over the limit is dropped and told, the others are read', async () => {
    const limit = 22;
    const isLong = (record: SeenRecord) => Buffer.byteLength(record.text) > limit;
    const all = await readAll(open(kind, medium, 50));
    const tooLong: { position: number; length: number }[] = [];
    const rest: SeenRecord[] = [];
    await batchesOf(open(kind, medium, 50, { recordBytesMax: limit }), (batch) => {
      tooLong.push(...batch.tooLong);
      rest.push(...recordsOf(batch));
    });
    assert.deepEqual(
      rest.map(({ text }) => text),
      all.filter((r) => !isLong(r)).map((r) => r.text),
    );
    const lengths = all.filter(isLong).map(({ position, text }) => ({
      position,
      length: Buffer.byteLength(text),
    }));
    assert.deepEqual(tooLong, lengths);
  });

  test('the batch arrays hold what count says, and medium bytes add up', async () => {
    let bytes = 0;
    await batchesOf(open(kind, medium, 50), (batch) => {
      assert.ok(batch.starts.length >= batch.count && batch.positions.length >= batch.count);
      bytes += batch.mediumBytes;
    });
    // Following never counts the bytes of a last partial record, because it may still grow.
    const slack = kind.endless ? 64 : 0;
    assert.ok(Math.abs(bytes - Buffer.byteLength(medium.text)) <= slack, `${bytes}`);
  });
}
