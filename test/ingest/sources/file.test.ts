import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, describe, test } from 'node:test';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import type { Source, StreamPosition } from '../../../core/source.ts';
import { createFileSource } from '../../../ingest/sources/file.ts';
import { expandPaths } from '../../../ingest/sources/paths.ts';
import { createStdinSource } from '../../../ingest/sources/stdin.ts';
import { ZstdFrames } from '../../../ingest/sources/zstd-frames.ts';
import { never, readAll, recordsOf } from '../toy.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyhound-file-'));
after(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
};
const lines = (count: number) => Array.from({ length: count }, (_, i) => `${i} key-${i}`);
const options = { name: 'access', framing: 'lines', chunkBytes: 50 } as const;
const texts = (records: readonly { readonly text: string }[]) => records.map(({ text }) => text);

/** Notes the records of a source, and answers the code of the damage it ends with. */
async function readToDamage(source: Source, seen: string[]): Promise<string> {
  let code = 'none';
  for (;;) {
    const batch = await source.read(never);
    if (batch === undefined) break;
    seen.push(...texts(recordsOf(batch)));
    if (batch.damage === undefined) continue;
    assert.ok(batch.ended);
    code = batch.damage.error.code;
  }
  await source.close();
  return code;
}

describe('one file', () => {
  const text = lines(100).join('\r\n');
  const packed: readonly (readonly [string, Uint8Array])[] = [
    ['plain', Buffer.from(text)],
    ['gzip', gzipSync(text)],
    ['zstd', zstdCompressSync(text)],
    ['gzip in two members', Buffer.concat([gzipSync(text.slice(0, 99)), gzipSync(text.slice(99))])],
    [
      'zstd in two frames',
      Buffer.concat([zstdCompressSync(text.slice(0, 99)), zstdCompressSync(text.slice(99))]),
    ],
    [
      'zstd in frames of every kind',
      Buffer.concat([
        zstdCompressSync(text.slice(0, 99), { params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
        Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]),
        zstdCompressSync(''),
        zstdCompressSync(text.slice(99)),
      ]),
    ],
    [
      'zstd that begins with a frame without text',
      Buffer.concat([
        Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]),
        zstdCompressSync(text),
      ]),
    ],
  ];
  for (const [name, content] of packed) {
    test(`${name}: every record, its position counting decompressed bytes`, async () => {
      const records = await readAll(createFileSource({ ...options, path: file(name, content) }));
      assert.deepEqual(texts(records), lines(100));
      for (const record of records) {
        assert.equal(text.startsWith(record.text, record.position), true);
      }
    });

    test(`${name}: from any saved position exactly the rest`, async () => {
      const path = file(name, content);
      const source = createFileSource({ ...options, path });
      const seen: string[] = [];
      for (;;) {
        const batch = await source.read(never);
        if (batch === undefined) break;
        seen.push(...texts(recordsOf(batch)));
        const { stream, nextPosition: position, ended: finished } = batch;
        const saved = [{ stream, source: 'access', position, finished }];
        const rest = await readAll(createFileSource({ ...options, path, saved }));
        assert.deepEqual([...seen, ...texts(rest)], lines(100));
      }
      await source.close();
    });
  }

  test('the last batch says that the stream has ended, and the medium is counted once', async () => {
    const path = file('counted.gz', gzipSync(text));
    const source = createFileSource({ ...options, path });
    let bytes = 0;
    let ended = 0;
    for (;;) {
      const batch = await source.read(never);
      if (batch === undefined) break;
      bytes += batch.mediumBytes;
      ended += batch.ended ? 1 : 0;
    }
    await source.close();
    assert.equal(ended, 1);
    assert.equal(bytes, gzipSync(text).length);
  });

  test('compressed data that ends too early: what is there is read, and it is told', async () => {
    const noise = Array.from({ length: 9000 }, (_, i) => `${i} ${(i * 7919) % 10007}`).join('\n');
    const cut = gzipSync(noise).subarray(0, 9000);
    const source = createFileSource({ ...options, path: file('cut.gz', cut) });
    const seen: string[] = [];
    assert.equal(await readToDamage(source, seen), 'source-cut-short');
    assert.ok(seen.length > 100, `${seen.length} records`);
    assert.deepEqual(seen, noise.split('\n').slice(0, seen.length));
  });

  test('damaged data: every record before the damage is read, however small the file', async () => {
    const rows = Array.from({ length: 300 }, (_, i) => `${i} ${(i * 7919) % 10007}`);
    const half = [rows.slice(0, 150), rows.slice(150)].map((part) => `${part.join('\n')}\n`);
    const [first, second] = [gzipSync(half[0]!), gzipSync(half[1]!)];
    const torn = Buffer.from(gzipSync(half.join('')));
    torn.fill(0xff, torn.length >> 1, (torn.length >> 1) + 200);
    const [zstd, more] = [zstdCompressSync(half[0]!), zstdCompressSync(half[1]!)];
    const cases: readonly (readonly [string, number, Buffer])[] = [
      ['overwritten', 60, torn],
      ['zeros between members', 150, Buffer.concat([first, Buffer.alloc(512), second])],
      ['garbage between members', 150, Buffer.concat([first, Buffer.from('garbage'), second])],
      ['garbage after the end', 150, Buffer.concat([first, Buffer.alloc(9), Buffer.from('x')])],
      ['zstd, zeros between', 150, Buffer.concat([zstd, Buffer.alloc(512), more])],
      ['zstd, garbage between', 150, Buffer.concat([zstd, Buffer.from('garbage'), more])],
    ];
    for (const [name, least, content] of cases) {
      const source = createFileSource({ ...options, path: file('damaged', content) });
      const seen: string[] = [];
      assert.equal(await readToDamage(source, seen), 'source-damaged', name);
      assert.ok(seen.length >= least, `${name}: ${seen.length} records`);
      assert.deepEqual(seen.slice(0, least), rows.slice(0, least), name);
    }
  });

  test('a zstd frame whose window is larger than what is given to it is told as that', async () => {
    // A window of 2^28 bytes, and one raw block that holds an "a".
    const wide = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 18 << 3, 9, 0, 0, 0x61]);
    const source = createFileSource({ ...options, path: file('wide.zst', wide) });
    const batch = await source.read(never);
    await source.close();
    const { message, hint } = batch!.damage!.error;
    assert.match(message, /wide\.zst: the zstd data needs a window of more than 128 MiB/);
    assert.match(hint!, /zstd -dc --long=31/);
  });

  test('zeros up to the end of a gzip file are padding', async () => {
    const padded = Buffer.concat([gzipSync(text), Buffer.alloc(200_000)]);
    const records = await readAll(createFileSource({ ...options, path: file('padded', padded) }));
    assert.deepEqual(texts(records), lines(100));
  });

  test('an empty file ends at once', async () => {
    assert.deepEqual(await readAll(createFileSource({ ...options, path: file('none', '') })), []);
  });

  test('a file that has grown since it was finished goes on where it was', async () => {
    const path = file('grows', 'a 1\nb 2\n');
    const source = createFileSource({ ...options, path });
    let saved: StreamPosition[] = [];
    for (;;) {
      const batch = await source.read(never);
      if (batch === undefined) break;
      const { stream, nextPosition: position, ended: finished } = batch;
      saved = [{ stream, source: 'access', position, finished }];
    }
    await source.close();
    assert.deepEqual(await readAll(createFileSource({ ...options, path, saved })), []);
    appendFileSync(path, 'c 3\n');
    const rest = await readAll(createFileSource({ ...options, path, saved }));
    assert.deepEqual(rest, [{ stream: saved[0]?.stream, position: 8, text: 'c 3' }]);
  });
});

describe('zstd frames', () => {
  const frames = [
    zstdCompressSync('x'.repeat(500_000)),
    zstdCompressSync(randomBytes(300_000), { params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
    Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 0x28, 0xb5, 0x2f, 0xfd]),
    zstdCompressSync('', { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } }),
    zstdCompressSync(randomBytes(70_000)),
  ];
  for (const size of [1, 3, 1000, 1 << 20]) {
    test(`are cut at their ends (chunks of ${size})`, () => {
      const cutter = new ZstdFrames();
      const bytes = Buffer.concat(frames);
      const ends = new Set<number>();
      let at = 0;
      for (let from = 0; from < bytes.length; from += size) {
        for (const piece of cutter.cut(bytes.subarray(from, from + size))) {
          at += piece.length;
          ends.add(at);
        }
      }
      assert.equal(at, bytes.length);
      let end = 0;
      for (const frame of frames) {
        end += frame.length;
        assert.ok(ends.has(end));
      }
      if (size > bytes.length) assert.equal(ends.size, frames.length);
    });
  }
});

describe('stdin', () => {
  const read = (text: string, chunk: number) => {
    const parts = text.match(new RegExp(`[^]{1,${chunk}}`, 'g')) ?? [];
    const input = Readable.from(parts.map((part) => Buffer.from(part)));
    return readAll(createStdinSource({ ...options, input }));
  };
  test('every record, the same stream name however it is cut, another for other bytes', async () => {
    const one = await read(lines(100).join('\n'), 7);
    const two = await read(lines(100).join('\n'), 1000);
    assert.deepEqual(texts(one), lines(100));
    assert.deepEqual(one, two);
    const [other] = await read('5 other\n6 more', 5);
    assert.notEqual(other?.stream, one[0]?.stream);
  });

  test('an abort ends the waiting', async () => {
    const input = new Readable({ read() {} });
    const source = createStdinSource({ ...options, input });
    const abort = new AbortController();
    const waiting = source.read(abort.signal);
    abort.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    await source.close();
  });
});

describe('paths', () => {
  test('folders in name order, globs, each file once; what is no log is skipped and said', async () => {
    const base = join(folder, 'logs');
    for (const name of ['b.log', 'a.log', 'a.log.1', 'sub/c.log', '.hidden', 'LICENSE', 'x.yaml']) {
      file(join('logs', name), 'text');
    }
    file('logs/data.bin', Buffer.from([1, 2, 0, 3]));
    file('logs/z.gz', gzipSync('text'));
    symlinkSync(base, join(base, 'loop'));
    symlinkSync(join(base, 'a.log'), join(base, 'again.log'));
    const names = (paths: readonly { readonly path: string }[]) =>
      paths.map(({ path }) => path.slice(base.length + 1));
    const all = await expandPaths([base]);
    assert.deepEqual(names(all.files), ['a.log', 'a.log.1', 'b.log', 'sub/c.log', 'z.gz']);
    assert.deepEqual(names(all.skipped), ['.hidden', 'LICENSE', 'data.bin', 'x.yaml']);
    const globbed = await expandPaths([join(base, '*.log')]);
    assert.deepEqual(names(globbed.files), ['a.log', 'b.log']);
    const named = await expandPaths([join(base, 'x.yaml'), base]);
    assert.equal(named.files[0]?.path, join(base, 'x.yaml'));
  });

  test('what cannot be read in a folder is skipped and said, what is named is an error', async () => {
    const base = join(folder, 'odd');
    file('odd/a.log', 'text');
    symlinkSync('loop.log', join(base, 'loop.log'));
    const found = await expandPaths([base]);
    assert.deepEqual(
      found.files.map(({ path }) => path),
      [join(base, 'a.log')],
    );
    assert.deepEqual(found.skipped, [{ path: join(base, 'loop.log'), why: 'cannot be read' }]);
    assert.deepEqual((await expandPaths([join(base, '*.log')])).skipped, found.skipped);
    const named = expandPaths([join(base, 'loop.log')]);
    await assert.rejects(named, { kind: 'operating', code: 'source-unreadable' });
  });

  test('a file or folder that vanishes while it is looked at is no error', async (t) => {
    file('gone/sub/b.log', 'text');
    const gone = Object.assign(new Error('gone'), { code: 'ENOENT' });
    const base = join(folder, 'gone');
    file('gone/a.log', 'text');
    const real = { open: fsPromises.open, readdir: fsPromises.readdir };
    t.mock.method(fsPromises, 'open', (path: string, ...more: [string]) =>
      path.endsWith('a.log') ? Promise.reject(gone) : real.open(path, ...more),
    );
    t.mock.method(fsPromises, 'readdir', (path: string, ...more: [never]) =>
      path.endsWith('sub') ? Promise.reject(gone) : real.readdir(path, ...more),
    );
    syncBuiltinESMExports();
    try {
      const found = await expandPaths([base]);
      assert.deepEqual(
        found.files.map(({ path }) => path),
        [join(base, 'a.log')],
      );
    } finally {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    }
  });

  test('a name that is nothing is a usage error, unless it may appear later', async () => {
    const missing = [join(folder, 'missing*.log')];
    await assert.rejects(expandPaths(missing), { kind: 'usage', code: 'no-such-file' });
    assert.deepEqual(await expandPaths(missing, { mayBeMissing: true }), {
      files: [],
      skipped: [],
    });
  });
});
