import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { KeyhoundError } from '../../core/errors.ts';
import { lockStateFolder, readHolder } from '../../store/lock.ts';
import { asOperating } from '../../store/sqlite/errors.ts';

const CLOCK = { now: () => Date.UTC(2026, 2, 1) };
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill('SIGKILL');
});

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhound-lock-'));
  after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function lockedError(folder: string): KeyhoundError {
  try {
    lockStateFolder(folder, { command: 'replay' }).release();
  } catch (error) {
    if (error instanceof KeyhoundError) return error;
    throw error;
  }
  return assert.fail('the lock was given twice');
}

async function holdInChild(folder: string): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('./lock-child.ts', import.meta.url));
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await once(child.stdout!, 'data');
  return child;
}

test('a second holder is refused, and told who holds it and since when', async () => {
  const folder = await temporaryFolder();
  const lock = lockStateFolder(folder, { command: 'run', clock: CLOCK });
  const error = lockedError(folder);
  assert.equal(error.kind, 'operating');
  assert.equal(error.code, 'state-locked');
  assert.match(error.message, new RegExp(`keyhound run.*pid ${process.pid}.*2026-03-01T00:00`));
  assert.match(error.hint ?? '', /state\.dir/);
  lock.release();
  lock.release();
  lockStateFolder(folder, { command: 'replay' }).release();
});

test('the holder is readable while it holds, and only then', async () => {
  const folder = await temporaryFolder();
  assert.equal(readHolder(folder), undefined);
  const lock = lockStateFolder(folder, { command: 'run', clock: CLOCK });
  const holder = { pid: process.pid, command: 'run', startedAt: '2026-03-01T00:00:00.000Z' };
  assert.deepEqual(readHolder(folder), holder);
  lock.announce('127.0.0.1:8420');
  assert.deepEqual(readHolder(folder), { ...holder, apiAddress: '127.0.0.1:8420' });
  lock.release();
  assert.equal(readHolder(folder), undefined);
});

test('a notice that was left over, or cannot be read, holds nobody up', async () => {
  const folder = await temporaryFolder();
  await writeFile(path.join(folder, 'lock.json'), '{"pid":1,"command":"run","startedAt":"x"}');
  assert.equal(readHolder(folder), undefined);
  const lock = lockStateFolder(folder, { command: 'run' });
  await writeFile(path.join(folder, 'lock.json'), 'broken');
  assert.equal(readHolder(folder), 'unknown');
  assert.match(lockedError(folder).message, /another process/);
  lock.release();
});

test('another process is kept out, also after many looks at the lock, until kill -9', async () => {
  const folder = await temporaryFolder();
  const child = await holdInChild(folder);
  for (let i = 0; i < 20; i++) assert.notEqual(readHolder(folder), undefined);
  assert.match(lockedError(folder).message, new RegExp(`pid ${child.pid},`));
  assert.match(lockedError(folder).hint ?? '', /127\.0\.0\.1:8420/);
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
  assert.equal(readHolder(folder), undefined);
  lockStateFolder(folder, { command: 'run' }).release();
});

test('a full disk is told as one, and the folder is not left locked', async (t) => {
  if (process.platform !== 'linux') return t.skip('needs /dev/full');
  const folder = await temporaryFolder();
  const notice = path.join(folder, 'lock.json.new');
  await symlink('/dev/full', notice);
  const refused = lockedError(folder);
  assert.deepEqual([refused.kind, refused.code], ['operating', 'disk-full']);
  assert.match(refused.hint ?? '', /Free some space/);
  await rm(notice);
  lockStateFolder(folder, { command: 'replay' }).release();
});

test('a folder that may not be written is told as that, whichever file is the first to be refused', async () => {
  const folder = await temporaryFolder();
  for (const code of ['EACCES', 'EPERM', 'EROFS']) {
    const refused = asOperating(Object.assign(new Error(code), { code }), folder);
    assert.ok(refused instanceof KeyhoundError);
    assert.deepEqual([refused.kind, refused.code], ['operating', 'state-access']);
    assert.match(refused.hint ?? '', /writable by this user/);
  }
});
