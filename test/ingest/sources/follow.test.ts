import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { RecordBatch, Source, StreamPosition } from '../../../core/source.ts';
import { createFollowSource } from '../../../ingest/sources/follow.ts';
import { identify } from '../../../ingest/sources/identity.ts';
import { never, recordsOf, type SeenRecord } from '../toy.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'keyhound-follow-'));
const followers: Follower[] = [];
after(async () => {
  for (const { source } of followers) await source.close();
  fs.rmSync(root, { recursive: true });
});

class Drained extends Error {}

/** A folder of logs, and a source that follows them and is stopped where nothing is left to read. */
class Follower {
  readonly folder = join(root, `${followers.push(this)}`);
  readonly log = join(this.folder, 'app.log');
  readonly seen: SeenRecord[] = [];
  readonly ended: string[] = [];
  readonly saved = new Map<string, StreamPosition>();
  readonly #framing: 'lines' | 'json';
  readonly #goneLooksMax: number;
  #looks = 0;
  source: Source;

  constructor(framing: 'lines' | 'json' = 'lines', goneLooksMax = 1) {
    this.#framing = framing;
    this.#goneLooksMax = goneLooksMax;
    fs.mkdirSync(this.folder);
    this.source = this.#create();
  }

  #create(): Source {
    return createFollowSource({
      name: 'app',
      framing: this.#framing,
      patterns: [join(this.folder, 'app.log*')],
      chunkBytes: 64,
      goneLooksMax: this.#goneLooksMax,
      saved: [...this.saved.values()],
      idle: async () => {
        if (this.#looks-- <= 0) throw new Drained();
      },
    });
  }

  async restart(): Promise<void> {
    await this.source.close();
    this.source = this.#create();
  }

  /** Reads until nothing was found in `looks` looks one after the other. */
  async drain(looks = 2): Promise<void> {
    this.#looks = looks;
    try {
      for (;;) {
        this.#note(await this.source.read(never));
        this.#looks = looks;
      }
    } catch (error) {
      if (!(error instanceof Drained)) throw error;
    }
  }

  /** Reads one batch, if there is one. */
  async readOne(): Promise<void> {
    this.#looks = 0;
    try {
      this.#note(await this.source.read(never));
    } catch (error) {
      if (!(error instanceof Drained)) throw error;
    }
  }

  #note(batch: RecordBatch | undefined): void {
    assert.ok(batch !== undefined, 'never exhausted');
    const { stream, nextPosition: position, ended: finished } = batch;
    const before = this.saved.get(stream)?.position ?? -1;
    for (const record of recordsOf(batch)) {
      assert.ok(record.position >= before, `${stream} goes back to ${record.position}`);
      this.seen.push(record);
    }
    assert.ok(position >= before);
    this.saved.set(stream, { stream, source: 'app', position, finished });
    if (finished) this.ended.push(stream);
  }

  texts(): string[] {
    return this.seen.map((record) => record.text);
  }
}

describe('follow', () => {
  test('a file that appears later, growth, and a partial last line until it is complete', async () => {
    const follower = new Follower();
    await follower.drain();
    fs.writeFileSync(follower.log, 'one\ntw');
    await follower.drain();
    assert.deepEqual(follower.texts(), ['one']);
    fs.appendFileSync(follower.log, 'o\nthree\n');
    await follower.drain();
    assert.deepEqual(follower.texts(), ['one', 'two', 'three']);
    assert.equal(new Set(follower.seen.map(({ stream }) => stream)).size, 1);
  });

  test('rename-and-create: what is written to the old file after the rename is read', async () => {
    const follower = new Follower('lines', 5);
    fs.writeFileSync(follower.log, 'a1\n');
    await follower.drain();
    const old = fs.openSync(follower.log, 'a');
    fs.renameSync(follower.log, join(follower.folder, 'old'));
    fs.writeSync(old, 'a2\n');
    fs.writeFileSync(follower.log, 'b1\n');
    await follower.drain(1);
    assert.deepEqual(follower.texts().toSorted(), ['a1', 'a2', 'b1']);
    fs.writeSync(old, 'a3\n');
    fs.closeSync(old);
    await follower.drain(10);
    assert.deepEqual(follower.texts().toSorted(), ['a1', 'a2', 'a3', 'b1']);
    assert.deepEqual(follower.ended, [follower.seen[0]?.stream]);
  });

  test('copytruncate: the copy is not read again, but the rest of it is', async () => {
    const follower = new Follower();
    fs.writeFileSync(follower.log, 'a1\na2\n');
    await follower.drain();
    fs.appendFileSync(follower.log, 'a3\n');
    fs.copyFileSync(follower.log, `${follower.log}.1`);
    fs.truncateSync(follower.log, 0);
    fs.appendFileSync(follower.log, 'b1\n');
    await follower.drain();
    assert.deepEqual(follower.texts().toSorted(), ['a1', 'a2', 'a3', 'b1']);
  });

  test('a truncated file that is already longer than before is noticed', async () => {
    const follower = new Follower();
    fs.writeFileSync(follower.log, 'a1\na2\n');
    await follower.drain();
    fs.truncateSync(follower.log, 0);
    fs.appendFileSync(follower.log, 'b1\nb2\nb3\n');
    await follower.drain();
    assert.deepEqual(follower.texts(), ['a1', 'a2', 'b1', 'b2', 'b3']);
  });

  test('a plain copy beside the log is not read, also when it is seen first after a restart', async () => {
    const follower = new Follower();
    fs.writeFileSync(follower.log, 'a1\na2\n');
    await follower.drain();
    fs.copyFileSync(follower.log, `${follower.log}.0-copy`);
    await follower.drain();
    fs.renameSync(follower.log, `${follower.log}.9`);
    await follower.restart();
    await follower.drain();
    fs.appendFileSync(`${follower.log}.9`, 'a3\n');
    await follower.drain();
    assert.deepEqual(follower.texts(), ['a1', 'a2', 'a3']);
  });

  test('two logs that begin with the same line are two streams', async () => {
    const follower = new Follower();
    fs.writeFileSync(follower.log, 'same\n');
    fs.writeFileSync(`${follower.log}.b`, 'same\n');
    await follower.drain();
    fs.appendFileSync(follower.log, 'a2\n');
    fs.appendFileSync(`${follower.log}.b`, 'b2\nb3\n');
    await follower.drain();
    assert.deepEqual(follower.texts().toSorted(), ['a2', 'b2', 'b3', 'same', 'same']);
  });

  test('a compressed copy of what was read is not read; a compressed file of its own is, once', async () => {
    const follower = new Follower();
    fs.writeFileSync(follower.log, 'a1\na2\n');
    await follower.drain();
    fs.writeFileSync(`${follower.log}.1.gz`, gzipSync('a1\na2\na3\n'));
    fs.unlinkSync(follower.log);
    fs.writeFileSync(`${follower.log}.2.gz`, gzipSync('z1\nz2'));
    await follower.drain(5);
    await follower.restart();
    await follower.drain(5);
    assert.deepEqual(follower.texts().toSorted(), ['a1', 'a2', 'a3', 'z1', 'z2']);
  });

  test('a compressed file that is still being written is read as far as it goes, then on', async () => {
    const follower = new Follower();
    const lines = Array.from({ length: 4000 }, (_, i) => `${i} ${(i * 7919) % 10007}`);
    const packed = gzipSync(`${lines.join('\n')}\n`);
    fs.writeFileSync(`${follower.log}.gz`, packed.subarray(0, packed.length >> 1));
    await follower.drain();
    const half = follower.seen.length;
    fs.appendFileSync(`${follower.log}.gz`, packed.subarray(packed.length >> 1));
    await follower.drain();
    assert.ok(half > 100 && half < 4000, `${half} of the first half`);
    assert.deepEqual(follower.texts(), lines);
  });

  test('members and frames that are appended to a compressed file are read', async () => {
    for (const [end, pack] of [
      ['gz', gzipSync],
      ['zst', zstdCompressSync],
    ] as const) {
      const follower = new Follower();
      const file = `${follower.log}.${end}`;
      fs.writeFileSync(file, pack('a1\na'));
      await follower.drain(0);
      fs.appendFileSync(file, pack('2\na3\n'));
      await follower.drain(3);
      fs.appendFileSync(file, pack('a4\n'));
      await follower.drain(3);
      assert.deepEqual(follower.texts(), ['a1', 'a2', 'a3', 'a4'], end);
    }
  });

  test('records of a JSON array are followed over restarts', async () => {
    const follower = new Follower('json');
    fs.writeFileSync(follower.log, '[{"n":1},\n{"n":');
    await follower.drain();
    fs.appendFileSync(follower.log, '2},{"n":3}');
    await follower.drain();
    await follower.restart();
    fs.appendFileSync(follower.log, ',\n{"n":4}]');
    await follower.drain();
    assert.deepEqual(follower.texts(), ['{"n":1}', '{"n":2}', '{"n":3}', '{"n":4}']);
  });

  test('files whose first KiB is the same are told apart by the rest of their first record', async () => {
    const session = 's'.repeat(2000);
    const log = (...events: number[]) =>
      JSON.stringify({ Records: events.map((n) => ({ session, n })) }, null, 2);
    const follower = new Follower('json');
    fs.writeFileSync(`${follower.log}.1`, log(1, 2));
    await follower.drain();
    await follower.restart();
    fs.writeFileSync(`${follower.log}.2`, log(3, 4));
    fs.unlinkSync(`${follower.log}.1`);
    await follower.drain();
    const numbers = follower.texts().map((text) => (JSON.parse(text) as { n: number }).n);
    assert.deepEqual(numbers, [1, 2, 3, 4]);
  });

  test("another source's streams are left to it, unless this one goes on with the file", async () => {
    const follower = new Follower();
    fs.writeFileSync(follower.log, 'a1\na2\n');
    const { ino } = fs.statSync(follower.log);
    const hash = identify('lines', Buffer.from('a1\na2\n'), true)?.hash;
    const replayed = `replay:${ino}-${hash}`;
    const others = [
      { stream: 'other:7-0123456789abcdef', source: 'other', position: 50, finished: false },
      { stream: replayed, source: 'replay', position: 3, finished: true },
    ];
    for (const saved of others) follower.saved.set(saved.stream, saved);
    await follower.restart();
    await follower.drain(5);
    assert.deepEqual(follower.texts(), ['a2']);
    assert.equal(follower.seen[0]?.stream, replayed);
    assert.deepEqual(follower.ended, [], 'the end of the other was not for this one to tell');
    const own = { stream: `app:${ino}-${hash}`, source: 'app', position: 6, finished: false };
    for (const saved of [...others, own]) follower.saved.set(saved.stream, saved);
    await follower.restart();
    fs.appendFileSync(follower.log, 'a3\n');
    await follower.drain();
    assert.equal(follower.seen.at(-1)?.stream, own.stream, 'its own goes first');
  });

  test('one file of many that may not be read does not stop the others', async (t) => {
    const follower = new Follower();
    fs.writeFileSync(follower.log, 'a1\n');
    fs.writeFileSync(`${follower.log}.secret`, 's1\n');
    const denied = Object.assign(new Error('denied'), { code: 'EACCES' });
    const { open } = fsPromises;
    t.mock.method(fsPromises, 'open', (path: string, ...more: [string]) =>
      path.endsWith('.secret') ? Promise.reject(denied) : open(path, ...more),
    );
    syncBuiltinESMExports();
    try {
      await follower.drain();
      assert.deepEqual(follower.texts(), ['a1']);
      await follower.restart();
      fs.unlinkSync(follower.log);
      await assert.rejects(follower.drain(), { code: 'source-unreadable' });
    } finally {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    }
    await follower.restart();
    await follower.drain();
    assert.deepEqual(follower.texts(), ['a1', 's1']);
  });

  test('an abort ends the waiting', async () => {
    const abort = new AbortController();
    const source = createFollowSource({ name: 'app', framing: 'lines', patterns: ['none*'] });
    const waiting = source.read(abort.signal);
    abort.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    await source.close();
  });
});

function random(seed: number): (below: number) => number {
  let state = seed * 2654435761;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Appends, rotates, compresses, reads and restarts in random order; remembers what was written. */
class Chaos {
  readonly follower = new Follower();
  readonly written: string[] = [];
  readonly #below: (below: number) => number;
  #partial = '';
  #rotated: string[] = [];
  #count = 0;

  constructor(seed: number) {
    this.#below = random(seed);
  }

  async step(): Promise<void> {
    const { follower } = this;
    const action = this.#below(20);
    if (action < 9) this.#append();
    else if (action < 11) await follower.readOne();
    else if (action < 13) await follower.drain(this.#below(4));
    else if (action === 13) await follower.restart();
    else if (this.#partial !== '' || !fs.existsSync(follower.log)) this.#append();
    else if (action < 16) this.#rename();
    else if (action < 18) this.#copyTruncate();
    else await this.#compress();
  }

  async finish(): Promise<void> {
    if (this.#partial !== '') fs.appendFileSync(this.follower.log, this.#partial);
    await this.follower.drain(6);
    await this.follower.source.close();
  }

  #append(): void {
    let text = this.#partial;
    for (let n = this.#below(4); n >= 0; n--) {
      const line = `${this.#count++} ${'x'.repeat(this.#below(60))}`;
      this.written.push(line);
      text += `${line}\n`;
    }
    const cut = this.#below(3) === 0 ? 1 + this.#below(Math.min(40, text.length - 1)) : 0;
    this.#partial = text.slice(text.length - cut);
    fs.appendFileSync(this.follower.log, text.slice(0, text.length - cut));
  }

  #name(): string {
    const name = `${this.follower.log}.${this.#count++}`;
    this.#rotated.push(name);
    return name;
  }

  #rename(): void {
    fs.renameSync(this.follower.log, this.#name());
    if (this.#below(2) === 0) fs.writeFileSync(this.follower.log, '');
  }

  #copyTruncate(): void {
    fs.copyFileSync(this.follower.log, this.#name());
    fs.truncateSync(this.follower.log, 0);
  }

  /** Compresses a rotated file, and deletes old ones that have been read. */
  async #compress(): Promise<void> {
    const name = this.#rotated.shift();
    if (name === undefined) return;
    if (name.endsWith('.gz')) {
      await this.follower.drain(6);
      fs.unlinkSync(name);
      return;
    }
    fs.writeFileSync(`${name}.gz`, gzipSync(fs.readFileSync(name)));
    fs.unlinkSync(name);
    this.#rotated.push(`${name}.gz`);
  }
}

test('nothing is lost or doubled, however logs are written, rotated, compressed and read', async () => {
  for (let seed = 1; seed <= 15; seed++) {
    const chaos = new Chaos(seed);
    for (let i = 0; i < 60; i++) await chaos.step();
    await chaos.finish();
    const byNumber = (a: string, b: string) => Number.parseInt(a, 10) - Number.parseInt(b, 10);
    const seen = chaos.follower.texts().sort(byNumber);
    assert.deepEqual(seen, chaos.written, `seed ${seed}`);
  }
});
