import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  apiToken,
  intakeToken,
  openStateFolder,
  stateFacts,
  statePaths,
} from '../../app/state-folder.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { lockStateFolder } from '../../store/lock.ts';
import { STATE_SCHEMA } from '../../store/sqlite/migrations.ts';
import { openSqliteStore } from '../../store/sqlite/store.ts';
import { checkpointNumber } from '../store/rows.ts';

async function newFolder(): Promise<string> {
  const parent = await mkdtemp(path.join(tmpdir(), 'keyhound-state-'));
  after(() => rm(parent, { recursive: true, force: true }));
  return path.join(parent, 'a', 'state');
}

const modeOf = async (file: string) => (await stat(file)).mode & 0o777;

function hasCode(code: string) {
  return (error: unknown) => error instanceof KeyhoundError && error.code === code;
}

test('the folder is made private; one that was there keeps its mode', async () => {
  const folder = await newFolder();
  openStateFolder(folder);
  assert.equal(await modeOf(folder), 0o700);
  await chmod(folder, 0o750);
  openStateFolder(folder);
  assert.equal(await modeOf(folder), 0o750);
  assert.equal((await stateFacts(folder)).exposed, true);
});

test('a folder that the file system refuses is an error at once, not a search for ever', async () => {
  const module = JSON.stringify(import.meta.resolve('../../app/state-folder.ts'));
  const script = `import { openStateFolder } from ${module};
    openStateFolder('/proc/keyhound/state');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 60_000,
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  await once(child, 'close');
  assert.match(stderr, /code: 'state-access'/);
});

test('tokens are made once, differ, and only their owner can read them', async () => {
  const paths = openStateFolder(await newFolder());
  const api = apiToken(paths);
  const intake = intakeToken(paths);
  assert.deepEqual([api.created, intake.created], [true, true]);
  assert.notEqual(api.token, intake.token);
  assert.match(api.token, /^[\w-]{43}$/);
  assert.deepEqual(apiToken(paths), { ...api, created: false });
  assert.equal(await modeOf(api.file), 0o600);
  assert.deepEqual((await readdir(paths.folder)).sort(), ['api-token', 'intake-token']);
});

test('an unusable token file is an error, not an open door', async () => {
  const paths = openStateFolder(await newFolder());
  for (const text of ['', '\n', 'short', 'two words that are long enough']) {
    await writeFile(paths.apiToken, text);
    assert.throws(() => apiToken(paths), hasCode('token-invalid'), JSON.stringify(text));
  }
});

test('a folder that cannot be made is told', async () => {
  const folder = await newFolder();
  openStateFolder(path.dirname(folder));
  await writeFile(folder, 'a file');
  assert.throws(() => openStateFolder(folder), hasCode('state-access'));
});

test('facts of a folder without a state make nothing', async () => {
  const folder = await newFolder();
  assert.deepEqual(await stateFacts(folder), {
    exists: false,
    bytes: 0,
    schemaVersion: undefined,
    pepperFingerprint: undefined,
    checkpointAt: undefined,
    holder: undefined,
    exposed: false,
  });
  await assert.rejects(stat(folder));
});

/** What a process says that tries to take the lock and may not. */
async function lockInChild(folder: string): Promise<string> {
  const script = fileURLToPath(new URL('../store/lock-child.ts', import.meta.url));
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, folder]);
  child.stdout.once('data', () => child.kill('SIGKILL'));
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  await once(child, 'close');
  return said;
}

test('facts are told while another user holds the state, and leave the lock alone', async () => {
  const folder = await newFolder();
  const { database } = openStateFolder(folder);
  const lock = lockStateFolder(folder, { command: 'run' });
  const clock = { now: () => 1_700_000_000_000 };
  const store = await openSqliteStore({ folder, pepperFingerprint: 'abcd', clock });
  await store.commit(checkpointNumber(1));
  const facts = await stateFacts(folder);
  assert.deepEqual(facts.holder, lock.holder);
  assert.equal(facts.checkpointAt, 1_700_000_000_000);
  assert.equal(facts.schemaVersion, STATE_SCHEMA.migrations.length);
  assert.equal(facts.pepperFingerprint, 'abcd');
  assert.ok(facts.bytes >= (await stat(database)).size);
  // Asked by another process: the system drops a lock when its own process closes the file once.
  assert.match(await lockInChild(folder), /state-locked/);
  await store.close();
  lock.release();
  assert.equal((await stateFacts(statePaths(folder).folder)).holder, undefined);
});
