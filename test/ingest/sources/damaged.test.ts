import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { Damage, Source, StreamPosition } from '../../../core/source.ts';
import { EventReader } from '../../../ingest/reader.ts';
import { createFileSource } from '../../../ingest/sources/file.ts';
import { createFollowSource } from '../../../ingest/sources/follow.ts';
import { never, recordsOf, toyReader } from '../toy.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'keyhound-damaged-'));
const opened: Source[] = [];
after(async () => {
  for (const source of opened) await source.close();
  fs.rmSync(root, { recursive: true });
});

let folders = 0;
const newFolder = (): string => {
  const folder = join(root, `${folders++}`);
  fs.mkdirSync(folder);
  return folder;
};

const rows = (from: number, count: number): string =>
  Array.from({ length: count }, (_, i) => `${from + i} key-${((from + i) * 7919) % 10007}\n`).join(
    '',
  );

/** Ten whole lines and a torn one, then damage. */
const damaged = Buffer.concat([gzipSync(`${rows(0, 10)}10 ke`), Buffer.alloc(64), gzipSync('y')]);

class Drained extends Error {}

/** What a source tells until nothing is left to be read. */
class Watcher {
  readonly texts: string[] = [];
  readonly damages: Damage[] = [];
  readonly saved = new Map<string, StreamPosition>();
  #looks = 0;
  readonly source: Source;

  constructor(folder: string, saved: readonly StreamPosition[] = []) {
    this.source = createFollowSource({
      name: 'app',
      framing: 'lines',
      patterns: [folder],
      goneLooksMax: 1,
      saved,
      idle: async () => {
        if (this.#looks-- <= 0) throw new Drained();
      },
    });
    opened.push(this.source);
  }

  async drain(): Promise<void> {
    this.#looks = 3;
    try {
      for (;;) {
        const batch = (await this.source.read(never))!;
        const { stream, nextPosition: position, ended: finished } = batch;
        this.saved.set(stream, { stream, source: 'app', position, finished });
        this.texts.push(...recordsOf(batch).map(({ text }) => text));
        if (batch.damage === undefined) continue;
        assert.ok(finished, 'damage ends the stream');
        this.damages.push(batch.damage);
      }
    } catch (error) {
      if (!(error instanceof Drained)) throw error;
    }
  }
}

const sorted = (texts: readonly string[]): string[] =>
  texts.toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
const linesOf = (text: string): string[] => text.trimEnd().split('\n');

describe('a damaged file that is followed', () => {
  for (const [name, bytes] of [
    ['gzip', damaged],
    ['zstd', Buffer.concat([zstdCompressSync(`${rows(0, 10)}10 ke`), Buffer.from('rubbish')])],
  ] as const) {
    test(`${name}: its good lines are read, it is told once, and the others are read on`, async () => {
      const folder = newFolder();
      fs.writeFileSync(join(folder, 'a.1'), bytes);
      fs.writeFileSync(join(folder, 'b.log'), rows(100, 5));
      const watcher = new Watcher(folder);
      await watcher.drain();
      fs.appendFileSync(join(folder, 'b.log'), rows(105, 5));
      await watcher.drain();
      assert.deepEqual(sorted(watcher.texts), linesOf(rows(0, 10) + rows(100, 10)));
      assert.deepEqual(
        watcher.damages.map(({ position, length }) => ({ position, length })),
        [{ position: rows(0, 10).length, length: 5 }],
      );
      assert.match(watcher.damages[0]!.error.message, /a\.1: the (gzip|zstd) data is damaged/);
    });
  }

  test('of which nothing can be read is told once too, and two such files are two', async () => {
    const folder = newFolder();
    for (const n of [1, 2]) {
      const bytes = Buffer.from([0x1f, 0x8b, 8, 0, n, 0, 0, 0, 0, 3, 0xff, 0xff, 0xff, 0xff]);
      fs.writeFileSync(join(folder, `${n}.gz`), bytes);
    }
    const watcher = new Watcher(folder);
    await watcher.drain();
    await watcher.drain();
    assert.deepEqual(watcher.texts, []);
    assert.equal(watcher.damages.length, 2);
  });

  test('is read on from the damage when a good one takes its place', async () => {
    const folder = newFolder();
    fs.writeFileSync(join(folder, 'a.gz'), damaged);
    const watcher = new Watcher(folder);
    await watcher.drain();
    fs.writeFileSync(join(folder, 'a.gz.new'), gzipSync(rows(0, 20)));
    fs.renameSync(join(folder, 'a.gz.new'), join(folder, 'a.gz'));
    await watcher.drain();
    await watcher.drain();
    assert.deepEqual(watcher.texts, linesOf(rows(0, 20)));
    assert.equal(watcher.damages.length, 1);
  });

  test('is read on from the damage when it was repaired while nobody looked', async () => {
    const folder = newFolder();
    fs.writeFileSync(join(folder, 'a.gz'), damaged);
    const before = new Watcher(folder);
    await before.drain();
    await before.source.close();
    fs.writeFileSync(join(folder, 'a.gz'), gzipSync(rows(0, 20)));
    const again = new Watcher(folder, [...before.saved.values()]);
    await again.drain();
    assert.deepEqual([...before.texts, ...again.texts], linesOf(rows(0, 20)));
  });

  test('a torn line is no record, also when the file then goes', async () => {
    const folder = newFolder();
    fs.writeFileSync(join(folder, 'a.gz'), damaged);
    const cut = gzipSync(`${rows(50, 10)}60 k`).subarray(0, -9);
    fs.writeFileSync(join(folder, 'b.gz'), cut);
    const watcher = new Watcher(folder);
    await watcher.drain();
    fs.rmSync(join(folder, 'a.gz'));
    fs.rmSync(join(folder, 'b.gz'));
    await watcher.drain();
    await watcher.drain();
    assert.deepEqual(sorted(watcher.texts), linesOf(rows(0, 10) + rows(50, 10)));
  });
});

describe('a damaged file that is read once', () => {
  test('is one rejected record at the place of the damage, kept as a dead letter, and told', async () => {
    const path = join(newFolder(), 'a.gz');
    fs.writeFileSync(path, damaged);
    const source = createFileSource({ name: 'app', framing: 'lines', path });
    const { options, applied, deadLetters } = toyReader(source);
    const told: Damage[] = [];
    const reader = new EventReader({ ...options, onDamage: (damage) => told.push(damage) });
    let events = 0;
    while (await reader.fill(never)) while (reader.next()) events++;
    await reader.close();
    const position = rows(0, 10).length;
    assert.equal(events, 10);
    assert.equal(options.counters.records, 11);
    const [letter] = deadLetters.drain();
    assert.equal(
      `${letter?.reason} ${letter?.position} ${letter?.length}`,
      `malformed ${position} 5`,
    );
    assert.deepEqual(applied.at(-1), { stream: letter?.stream, position, ended: true });
    assert.deepEqual(
      told.map((damage) => damage.position),
      [position],
    );
  });
});

describe('a compressed file that was finished and grew while nobody looked', () => {
  for (const [name, pack] of [
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const) {
    test(`${name}: followed, it is read on; unchanged, it is not told again`, async () => {
      const folder = newFolder();
      const path = join(folder, 'a');
      fs.writeFileSync(path, pack(rows(0, 10)));
      const first = new Watcher(folder);
      await first.drain();
      await first.source.close();
      const second = new Watcher(folder, [...first.saved.values()]);
      await second.drain();
      await second.source.close();
      assert.equal(second.saved.size, 0, 'no batch');
      // Of the same size as the first, as its trailer tells.
      fs.appendFileSync(path, pack(rows(0, 10)));
      const third = new Watcher(folder, [...first.saved.values()]);
      await third.drain();
      assert.deepEqual([...first.texts, ...third.texts], linesOf(rows(0, 10) + rows(0, 10)));
    });

    test(`${name}: replayed again, its new part is read`, async () => {
      const path = join(newFolder(), 'a');
      fs.writeFileSync(path, pack(rows(0, 10)));
      const read = async (saved: StreamPosition[]): Promise<string[]> => {
        const source = createFileSource({ name: 'app', framing: 'lines', path, saved });
        const seen: string[] = [];
        for (;;) {
          const batch = await source.read(never);
          if (batch === undefined) break;
          seen.push(...recordsOf(batch).map(({ text }) => text));
          const { stream, nextPosition: position, ended: finished } = batch;
          saved.splice(0, 1, { stream, source: 'app', position, finished });
        }
        await source.close();
        return seen;
      };
      const saved: StreamPosition[] = [];
      assert.equal((await read(saved)).length, 10);
      assert.deepEqual(await read(saved), []);
      fs.appendFileSync(path, pack(rows(10, 5)));
      assert.deepEqual(await read(saved), linesOf(rows(10, 5)));
    });
  }
});
