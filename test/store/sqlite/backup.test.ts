import assert from 'node:assert/strict';
import { appendFile, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { KeyhoundError } from '../../../core/errors.ts';
import { lockStateFolder } from '../../../store/lock.ts';
import { restoreBackup, SEALED_FOLDER, verifyBackup } from '../../../store/sqlite/backup.ts';
import { DATABASE_FILE } from '../../../store/sqlite/connection.ts';
import { openSqliteResponseStore } from '../../../store/sqlite/response.ts';
import { RESPONSE_FILE } from '../../../store/sqlite/response-schema.ts';
import { openSqliteStore } from '../../../store/sqlite/store.ts';
import { sampleAction } from '../../support/response-samples.ts';
import { checkpointNumber, numbersIn } from '../rows.ts';
import { PEPPER, temporaryFolder } from './driver.ts';

const AT = Date.UTC(2026, 2, 1, 12);

async function madeState(number: number): Promise<string> {
  const folder = await temporaryFolder();
  const store = await openSqliteStore({ folder, pepperFingerprint: PEPPER });
  await store.commit(checkpointNumber(number));
  await store.close();
  return folder;
}

/** A backup of checkpoint 1, taken while the store is open. */
async function madeBackup(): Promise<string> {
  const folder = await madeState(1);
  const clock = { now: () => AT };
  const store = await openSqliteStore({ folder, pepperFingerprint: PEPPER, clock });
  const copy = path.join(await temporaryFolder(), 'copy');
  await store.backup(copy);
  await store.close();
  return copy;
}

async function numberIn(folder: string): Promise<number | undefined> {
  const store = await openSqliteStore({ folder, pepperFingerprint: PEPPER });
  const state = await store.load();
  const numbers = state === undefined ? [] : [...numbersIn(state)];
  await store.close();
  assert.ok(numbers.length <= 1);
  return numbers[0];
}

function refuses(run: Promise<unknown>, code: string): Promise<void> {
  return assert.rejects(
    run,
    (error: unknown) => error instanceof KeyhoundError && error.code === code,
  );
}

test('a backup says what it is, and holds one file and its manifest', async () => {
  const copy = await madeBackup();
  assert.deepEqual((await readdir(copy)).sort(), [DATABASE_FILE, 'manifest.json']);
  const manifest = await verifyBackup(copy);
  assert.equal(manifest.takenAt, '2026-03-01T12:00:00.000Z');
  assert.equal(manifest.pepperFingerprint, PEPPER);
});

test('a backup holds what the response keeps, and sealed credentials, and brings them back', async () => {
  const folder = await madeState(1);
  const response = await openSqliteResponseStore({ folder });
  await response.createAction(sampleAction());
  await mkdir(path.join(folder, SEALED_FOLDER));
  await writeFile(path.join(folder, SEALED_FOLDER, 'one.seal'), 'sealed');
  await writeFile(path.join(folder, SEALED_FOLDER, 'two.seal.draft'), 'half');
  const store = await openSqliteStore({ folder, pepperFingerprint: PEPPER });
  const copy = path.join(await temporaryFolder(), 'copy');
  await store.backup(copy);
  await response.createAction(sampleAction({ id: 'act_later' }));
  await Promise.all([store.close(), response.close()]);
  assert.deepEqual((await readdir(copy, { recursive: true })).sort(), [
    DATABASE_FILE,
    'manifest.json',
    RESPONSE_FILE,
    SEALED_FOLDER,
    `${SEALED_FOLDER}/one.seal`,
  ]);
  const to = path.join(await temporaryFolder(), 'new');
  await restoreBackup(copy, to);
  assert.equal(await numberIn(to), 1);
  const restored = await openSqliteResponseStore({ folder: to });
  assert.deepEqual(
    (await restored.actions({})).map(({ id }) => id),
    [sampleAction().id],
  );
  await restored.close();
  assert.equal(await readFile(path.join(to, SEALED_FOLDER, 'one.seal'), 'utf8'), 'sealed');
  const modes = [RESPONSE_FILE, `${SEALED_FOLDER}/one.seal`].map((file) =>
    stat(path.join(to, file)),
  );
  assert.deepEqual(
    (await Promise.all(modes)).map(({ mode }) => mode & 0o777),
    [0o600, 0o600],
  );
  await writeFile(path.join(copy, SEALED_FOLDER, 'one.seal'), 'forged');
  await refuses(restoreBackup(copy, to, { force: true }), 'backup-invalid');
});

test('sealed credentials that a backup does not have stay', async () => {
  const copy = await madeBackup();
  const to = await madeState(2);
  await mkdir(path.join(to, SEALED_FOLDER));
  await writeFile(path.join(to, SEALED_FOLDER, 'one.seal'), 'sealed');
  await restoreBackup(copy, to, { force: true });
  assert.deepEqual(await readdir(path.join(to, SEALED_FOLDER)), ['one.seal']);
});

test('a backup is restored into an empty folder', async () => {
  const copy = await madeBackup();
  const to = path.join(await temporaryFolder(), 'new');
  await restoreBackup(copy, to);
  assert.equal(await numberIn(to), 1);
});

test('a backup never overwrites another folder', async () => {
  const folder = await madeState(1);
  const store = await openSqliteStore({ folder, pepperFingerprint: PEPPER });
  await refuses(store.backup(folder), 'backup-exists');
  await store.close();
});

test('a state is replaced only by force, its log included', async () => {
  const copy = await madeBackup();
  const to = await madeState(2);
  await writeFile(path.join(to, `${DATABASE_FILE}-wal`), 'left over');
  await refuses(restoreBackup(copy, to), 'state-exists');
  await rm(path.join(to, `${DATABASE_FILE}-wal`));
  assert.equal(await numberIn(to), 2);
  await writeFile(path.join(to, `${DATABASE_FILE}-wal`), 'left over');
  await restoreBackup(copy, to, { force: true });
  assert.ok(!(await readdir(to)).includes(`${DATABASE_FILE}-wal`));
  assert.equal(await numberIn(to), 1);
});

test('a state in use is not replaced, not even by force', async () => {
  const copy = await madeBackup();
  const to = await madeState(2);
  const lock = lockStateFolder(to, { command: 'run' });
  await refuses(restoreBackup(copy, to, { force: true }), 'state-locked');
  lock.release();
  assert.equal(await numberIn(to), 2);
});

test('a changed, cut or unfinished backup is refused before anything is touched', async () => {
  const to = await madeState(2);
  const restored = (copy: string) => restoreBackup(copy, to, { force: true });

  const changed = await madeBackup();
  const handle = await open(path.join(changed, DATABASE_FILE), 'r+');
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, 9000);
  await handle.write(Buffer.from([buffer[0]! ^ 1]), 0, 1, 9000);
  await handle.close();
  await refuses(restored(changed), 'backup-invalid');

  const longer = await madeBackup();
  await appendFile(path.join(longer, DATABASE_FILE), 'x');
  await refuses(restored(longer), 'backup-invalid');

  const unfinished = await madeBackup();
  await rm(path.join(unfinished, 'manifest.json'));
  await refuses(restored(unfinished), 'backup-invalid');

  const garbled = await madeBackup();
  const manifest = await readFile(path.join(garbled, 'manifest.json'), 'utf8');
  await writeFile(path.join(garbled, 'manifest.json'), manifest.slice(0, 40));
  await refuses(restored(garbled), 'backup-invalid');

  assert.equal(await numberIn(to), 2);
});
