import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { StreamPosition } from '../../core/source.ts';
import { openSpool, type SpoolDisk } from '../../ingest/spool.ts';
import { highestPosition, SpoolReader } from '../../ingest/spool-reader.ts';
import { options, payload, type Read, readAll, spoolFolders, times } from './spool-kit.ts';

const newFolder = spoolFolders();

test('events come back in the order they were kept, each source a stream, positions growing', async () => {
  const spool = await openSpool({ ...options, folder: newFolder() });
  await Promise.all([
    spool.append(payload('kong', 1, 2)),
    spool.append(payload('nginx', 3)),
    spool.append(payload('kong', 4)),
  ]);
  const read = await readAll(spool);
  assert.deepEqual(times(read), [1, 2, 3, 4]);
  const streams = read.map(({ stream }) => stream);
  assert.deepEqual(streams, ['kong:spool', 'kong:spool', 'nginx:spool', 'kong:spool']);
  for (let i = 1; i < read.length; i++) assert.ok(read[i]!.position > read[i - 1]!.position);
  await spool.close();
});

test('what arrives together is written and synced once, and answered only after that', async () => {
  const log: string[] = [];
  const disk: SpoolDisk = {
    write: async (handle, bytes, offset) => {
      log.push('write');
      await handle.write(bytes, 0, bytes.length, offset);
    },
    sync: async (handle) => {
      await handle.datasync();
      log.push('sync');
    },
  };
  const spool = await openSpool({ ...options, folder: newFolder(), disk });
  const append = async (at: number) => {
    await spool.append(payload('a', at));
    log.push('done');
  };
  await Promise.all(Array.from({ length: 50 }, (_, i) => append(i)));
  assert.deepEqual(log.slice(0, 3), ['write', 'sync', 'done']);
  assert.equal(log.filter((entry) => entry === 'sync').length, 1);
  await spool.close();
});

test('reading goes on after a restart, and positions never come twice', async () => {
  const folder = newFolder();
  const saved = new Map<string, StreamPosition>();
  const seen: Read[] = [];
  for (let round = 0; round < 6; round++) {
    // The folder may be lost while the state is not.
    if (round === 4) fs.rmSync(folder, { recursive: true });
    const applied = highestPosition([...saved.values()]);
    const spool = await openSpool({ ...options, folder, applied, segmentBytes: 100 });
    await spool.append(payload('a', round * 10, round * 10 + 1));
    if (round % 2 === 0) await spool.append(payload('b', round * 10 + 2));
    for (const read of await readAll(spool, saved)) {
      const before = seen.findLast(({ stream }) => stream === read.stream)?.position ?? -1;
      // The stream that lay still is read again from where it stood; its repeats have their old positions.
      if (read.position > before) seen.push(read);
    }
    await spool.release(highestPosition([...saved.values()]));
    assert.ok(fs.readdirSync(folder).length <= 2);
    await spool.close();
  }
  assert.deepEqual(times(seen), [0, 1, 2, 10, 11, 20, 21, 22, 30, 31, 40, 41, 42, 50, 51]);
});

test('several payloads of one push are kept together or not at all, each a frame', async () => {
  const folder = newFolder();
  const spool = await openSpool({ ...options, folder, bytesMax: 2000 });
  const [one, two] = [payload('a', 1), payload('a', 2, 3)];
  assert.equal(await spool.append(one, two), 0);
  assert.equal(await spool.append(payload('b', 4)), spool.end - payload('b', 4).length - 8);
  const { end } = spool;
  const fits = new Uint8Array(1000);
  await assert.rejects(spool.append(fits, fits), { code: 'spool-full' });
  assert.equal(spool.end, end);
  assert.deepEqual(times(await readAll(spool)), [1, 2, 3, 4]);
  await spool.close();
});

test('an event that cannot be read is met again, not passed over, when reading goes on', async () => {
  const spool = await openSpool({ ...options, folder: newFolder() });
  const newer = payload('a', 2);
  // The version stands first in an event, behind the name of the source.
  newer[2] = 99;
  await spool.append(payload('a', 1), newer, payload('a', 3));
  const applied: number[] = [];
  const reader = new SpoolReader({
    spool,
    openStream: () => 0,
    onApplied: ({ position }) => applied.push(position),
  });
  for (let round = 0; round < 2; round++) {
    await reader.fill(new AbortController().signal);
    assert.ok(reader.next());
    assert.equal(reader.event.at, 1);
    assert.throws(() => reader.next(), { code: 'event-version' });
    await reader.close();
    await spool.append(payload('a', 4));
  }
  assert.equal(reader.appliedTo, 0);
  assert.deepEqual(applied, []);
  await spool.close();
});

describe('full', () => {
  test('what fits an empty spool fits again once all of it was released', async () => {
    const spool = await openSpool({ folder: newFolder(), ...options, bytesMax: 65_536 });
    const large = payload('a', ...Array.from({ length: 1800 }, (_, i) => i));
    assert.ok(large.length > 32_768 && large.length < 60_000, `${large.length} bytes`);
    for (let turn = 0; turn < 3; turn++) {
      await spool.append(large);
      await spool.release(spool.end);
      assert.equal(spool.bytes, 0);
    }
    await spool.close();
  });

  test('over its bound it refuses with a retryable error, and takes again when released', async () => {
    const spool = await openSpool({ folder: newFolder(), bytesMax: 40_000, commitMs: 1 });
    let kept = 0;
    const fill = async () => {
      for (;;) {
        await spool.append(new Uint8Array(1000));
        kept++;
      }
    };
    await assert.rejects(fill, { code: 'spool-full', retryable: true });
    assert.ok(kept >= 39 && spool.bytes <= 40_000, `${kept} kept, ${spool.bytes} bytes`);
    assert.equal(spool.trouble?.code, 'spool-full');
    await spool.release(spool.end);
    await spool.append(new Uint8Array(1000));
    assert.equal(spool.trouble, undefined);
    await spool.close();
  });

  test('a full disk: the group is refused as a whole, nothing of it stays, then all goes on', async () => {
    let isFull = false;
    const disk: SpoolDisk = {
      write: async (handle: FileHandle, bytes, offset) => {
        const length = isFull ? bytes.length >> 1 : bytes.length;
        await handle.write(bytes, 0, length, offset);
        if (isFull) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
      },
      sync: (handle) => handle.datasync(),
    };
    const folder = newFolder();
    const spool = await openSpool({ ...options, folder, disk });
    await spool.append(payload('a', 1));
    isFull = true;
    const refused = [spool.append(payload('a', 2)), spool.append(payload('a', 3))];
    for (const append of refused) await assert.rejects(append, { code: 'spool-full' });
    assert.equal(spool.trouble?.code, 'spool-full');
    const [name] = fs.readdirSync(folder);
    assert.equal(fs.statSync(join(folder, name!)).size, spool.end);
    isFull = false;
    await spool.append(payload('a', 4));
    await spool.close();
    const again = await openSpool({ ...options, folder });
    assert.deepEqual(times(await readAll(again)), [1, 4]);
    await again.close();
  });
});

test('damage before the tail is never passed over in silence', async () => {
  const folder = newFolder();
  const spool = await openSpool({ ...options, folder, segmentBytes: 10 });
  await spool.append(payload('a', 1));
  await spool.append(payload('a', 2));
  await spool.close();
  const path = join(folder, fs.readdirSync(folder).sort()[0]!);
  const bytes = fs.readFileSync(path);
  bytes[20]! ^= 1;
  fs.writeFileSync(path, bytes);
  const again = await openSpool({ ...options, folder });
  await assert.rejects(again.read(0), { code: 'spool-damaged', kind: 'operating' });
  await again.close();
});

test('close waits for what was appended, and refuses what comes later', async () => {
  const folder = newFolder();
  const spool = await openSpool({ ...options, folder, commitMs: 1000 });
  const appended = spool.append(payload('a', 1));
  await spool.close();
  await appended;
  await assert.rejects(spool.append(payload('a', 2)), { code: 'spool-failed' });
  const again = await openSpool({ ...options, folder });
  assert.deepEqual(times(await readAll(again)), [1]);
  await again.close();
});
