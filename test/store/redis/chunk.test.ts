import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chunk, subjectOf } from '../../../store/redis/chunk.ts';
import { digest, numbered } from '../rows.ts';

/** The lists of strings of a chunk, read by hand. */
function lists(bytes: Buffer): Buffer[][] {
  let at = 0;
  const head = (kind: number) => {
    assert.equal(bytes[at], kind);
    at += 5;
    return bytes.readUInt32BE(at - 4);
  };
  const found = Array.from({ length: head(0xdd) }, () =>
    Array.from({ length: head(0xdd) }, () => {
      const length = head(0xdb);
      at += length;
      return bytes.subarray(at - length, at);
    }),
  );
  assert.equal(at, bytes.length);
  return found;
}

const copies = (...values: Uint8Array[]) => values.map((value) => Buffer.from(value));

test('a chunk holds fields and values as they were, list by list', () => {
  const chunk = new Chunk(3);
  chunk.remove(0, 'läuft');
  chunk.put(2, digest(1), numbered(7, 100_000));
  chunk.put(2, '', '');
  assert.equal(chunk.rows, 3);
  const [first, second, third] = lists(chunk.pack());
  assert.deepEqual(first!.map(String), ['läuft']);
  assert.deepEqual(second, []);
  assert.deepEqual(third![0], Buffer.from(digest(1)));
  assert.deepEqual(third![1], Buffer.from(numbered(7, 100_000)));
  assert.deepEqual(third!.slice(2).map(String), ['', '']);
});

test('what was packed stays as it is while the chunk, and others, are filled again', () => {
  const chunk = new Chunk(2);
  const packed = [1, 2, 3].map((n) => {
    const other = new Chunk(2);
    chunk.put(1, digest(n), numbered(n, 5000 * n));
    other.put(1, digest(n + 10), numbered(n + 10, 3000 * n));
    return [chunk.pack(), other.pack()] as const;
  });
  assert.equal(chunk.rows, 0);
  assert.equal(chunk.length, 0);
  for (const [i, [own, others]] of packed.entries()) {
    const n = i + 1;
    assert.deepEqual(lists(own), [[], copies(digest(n), numbered(n, 5000 * n))]);
    assert.deepEqual(lists(others), [[], copies(digest(n + 10), numbered(n + 10, 3000 * n))]);
  }
});

test('a subject comes back from its field and value', () => {
  const rows = ['h:00ff', 'kong:schlüssel', `kong:${'x'.repeat(300)}`].map((id, n) => ({
    group: 7,
    digest: digest(n),
    id,
    consumer: n === 0 ? '' : `Ä${n}`,
    record: numbered(n, 1300),
  }));
  const chunk = new Chunk(1);
  for (const row of rows) chunk.putSubject(0, row);
  const [strings] = lists(chunk.pack());
  const back = rows.map((_, n) => subjectOf(7, strings![2 * n]!, strings![2 * n + 1]!));
  const plain = back.map((row) => ({
    ...row,
    digest: Uint8Array.from(row.digest),
    record: Uint8Array.from(row.record),
  }));
  assert.deepEqual(plain, rows);
});
