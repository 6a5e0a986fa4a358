/** A spool after crashes: torn anywhere, and killed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ApiEvent } from '../../core/event.ts';
import { openSpool } from '../../ingest/spool.ts';
import { options, payload, readAll, spoolFolders, times } from './spool-kit.ts';

const newFolder = spoolFolders();

test('after a crash anywhere in a write, what was acknowledged is there and the tail is cut off', async () => {
  const folder = newFolder();
  let spool = await openSpool({ ...options, folder });
  await spool.append(payload('a', 1));
  const safe = spool.end;
  await spool.append(payload('a', 2));
  const { end } = spool;
  await spool.close();
  const [name] = fs.readdirSync(folder);
  const path = join(folder, name!);
  const bytes = fs.readFileSync(path);
  for (let cut = safe; cut < end; cut++) {
    for (const garbage of [Buffer.alloc(0), Buffer.alloc(40), Buffer.alloc(40, 0xff)]) {
      const torn = Buffer.concat([bytes.subarray(0, cut), garbage]);
      // Zeros may be just what was missing.
      if (torn.subarray(0, end).equals(bytes)) continue;
      fs.writeFileSync(path, torn);
      spool = await openSpool({ ...options, folder });
      assert.equal(spool.end, safe);
      await spool.append(payload('a', 3));
      assert.deepEqual(times(await readAll(spool)), [1, 3]);
      await spool.close();
    }
  }
});

test('kill -9 loses nothing of what was acknowledged', async () => {
  const folder = newFolder();
  let acknowledged = 0;
  for (let round = 1; round <= 3; round++) {
    const script = fileURLToPath(new URL('./spool-child.ts', import.meta.url));
    const args = ['--disable-warning=ExperimentalWarning', script, folder, `${acknowledged}`];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Number(line);
      if (acknowledged >= round * 150) child.kill('SIGKILL');
    }
    await exited;
    const spool = await openSpool({ ...options, folder });
    const kept: ApiEvent['at'][] = times(await readAll(spool));
    await spool.close();
    const set = new Set(kept);
    for (let at = 1; at <= acknowledged; at++) assert.ok(set.has(at), `${at} of ${acknowledged}`);
  }
});
