/** What is sealed opens for its own name, key and time only, and is durable, closed to others and wiped. */
import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { KeyhoundError } from '../../../core/errors.ts';
import { createSealBox, type SealKeys, sealKeys } from '../../../responders/gateways/seal.ts';
import { sealFiles } from '../../../responders/gateways/seal-files.ts';

const root = mkdtempSync(path.join(tmpdir(), 'keyhound-seal-'));
after(() => rmSync(root, { recursive: true }));
const NOW = Date.parse('2026-03-01T10:00:00.000Z');
const DAY = 86_400_000;
const SECRET = Buffer.from('{"key":"raw-key-1234567890"}');
const PEPPER = { key: createSecretKey(Buffer.alloc(32, 7)) };
let count = 0;

function boxIn(folder: string, keys: SealKeys = sealKeys({}, PEPPER), at = { now: NOW }) {
  return createSealBox({ store: sealFiles(folder), keys, now: () => at.now });
}

function newFolder(): string {
  return path.join(root, String(count++), 'seals');
}

function isError(code: string) {
  return (error: unknown) => error instanceof KeyhoundError && error.code === code;
}

test('what is sealed is opened again, by another process too, until it is wiped', async () => {
  const folder = newFolder();
  await boxIn(folder).seal('key-1', SECRET, null);
  assert.deepEqual(await boxIn(folder).open('key-1'), SECRET);
  await boxIn(folder).seal('key-1', Buffer.from('other'), null);
  assert.equal(Buffer.from((await boxIn(folder).open('key-1'))!).toString(), 'other');
  await boxIn(folder).wipe('key-1');
  await boxIn(folder).wipe('key-1');
  assert.equal(await boxIn(folder).open('key-1'), undefined);
  assert.deepEqual(readdirSync(folder), []);
});

test('the file is the owner’s alone and shows nothing of the secret', async () => {
  const folder = newFolder();
  await boxIn(folder).seal('key-1', SECRET, null);
  const [name, ...more] = readdirSync(folder);
  assert.deepEqual([name, more], ['key-1.seal', []]);
  const file = path.join(folder, name!);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  const bytes = readFileSync(file);
  for (let i = 0; i + 6 <= SECRET.length; i++)
    assert.ok(!bytes.includes(SECRET.subarray(i, i + 6)));
});

test('a byte changed anywhere, a cut and a swapped name are said, not opened', async () => {
  const folder = newFolder();
  await boxIn(folder).seal('key-1', SECRET, null);
  const file = path.join(folder, 'key-1.seal');
  const whole = readFileSync(file);
  for (let i = 0; i < whole.length; i++) {
    const changed = Buffer.from(whole);
    changed[i]! ^= 1;
    writeFileSync(file, changed);
    const isKeyId = i >= 4 && i < 12;
    await assert.rejects(
      boxIn(folder).open('key-1'),
      isError(isKeyId ? 'seal-key' : 'seal-damaged'),
    );
  }
  for (const length of [0, 3, 20, 47, whole.length - 1]) {
    writeFileSync(file, whole.subarray(0, length));
    await assert.rejects(boxIn(folder).open('key-1'), isError('seal-damaged'));
  }
  writeFileSync(path.join(folder, 'key-2.seal'), whole);
  await assert.rejects(boxIn(folder).open('key-2'), isError('seal-damaged'));
});

test('another key is said as such; the one before opens while it is given', async () => {
  const folder = newFolder();
  await boxIn(folder).seal('key-1', SECRET, null);
  const other = { key: createSecretKey(Buffer.alloc(32, 8)) };
  await assert.rejects(boxIn(folder, sealKeys({}, other)).open('key-1'), isError('seal-key'));
  const changed = sealKeys({}, { ...other, previous: PEPPER });
  assert.deepEqual(await boxIn(folder, changed).open('key-1'), SECRET);
  const own = sealKeys({ KEYHOUND_SEAL_KEY: 'a-seal-key-of-its-own' }, PEPPER);
  assert.equal(own.from, 'KEYHOUND_SEAL_KEY');
  assert.deepEqual(await boxIn(folder, own).open('key-1'), SECRET);
  await boxIn(folder, own).seal('key-1', SECRET, null);
  await assert.rejects(boxIn(folder).open('key-1'), isError('seal-key'));
  const next = sealKeys(
    {
      KEYHOUND_SEAL_KEY: 'the-next-seal-key-then',
      KEYHOUND_SEAL_KEY_PREVIOUS: 'a-seal-key-of-its-own',
    },
    PEPPER,
  );
  assert.deepEqual(await boxIn(folder, next).open('key-1'), SECRET);
});

test('a sweep seals anew what is under the key before, for as long as it was to be kept', async () => {
  const folder = newFolder();
  const at = { now: NOW };
  await boxIn(folder).seal('key-1', SECRET, NOW + 40 * DAY);
  const other = { key: createSecretKey(Buffer.alloc(32, 8)) };
  await boxIn(folder, sealKeys({}, other)).sweep();
  assert.deepEqual(
    await boxIn(folder).open('key-1'),
    SECRET,
    'without the key before it stays as it is',
  );
  assert.equal(await boxIn(folder, sealKeys({}, { ...other, previous: PEPPER })).sweep(), 0);
  const later = boxIn(folder, sealKeys({}, other), at);
  assert.deepEqual(await later.open('key-1'), SECRET);
  await assert.rejects(boxIn(folder).open('key-1'), isError('seal-key'));
  at.now = NOW + 47 * DAY;
  assert.equal(await later.open('key-1'), undefined);
});

test('a key file is read, white space around it does not count, and a short or missing one is refused', () => {
  const file = path.join(root, 'seal-key');
  writeFileSync(file, 'a-seal-key-of-its-own\n');
  const fromFile = sealKeys({ KEYHOUND_SEAL_KEY_FILE: file }, PEPPER);
  const fromText = sealKeys({ KEYHOUND_SEAL_KEY: 'a-seal-key-of-its-own' }, PEPPER);
  assert.deepEqual(fromFile.current.id, fromText.current.id);
  writeFileSync(file, 'short\n');
  for (const env of [
    { KEYHOUND_SEAL_KEY_FILE: file },
    { KEYHOUND_SEAL_KEY: 'short' },
    { KEYHOUND_SEAL_KEY_FILE: path.join(root, 'none') },
  ]) {
    assert.throws(() => sealKeys(env, PEPPER), isError('seal-key'));
  }
  writeFileSync(file, 'the-seal-key-before-that\n');
  const changing = {
    KEYHOUND_SEAL_KEY: 'a-seal-key-of-its-own',
    KEYHOUND_SEAL_KEY_FILE_PREVIOUS: file,
  };
  const before = sealKeys({ KEYHOUND_SEAL_KEY: 'the-seal-key-before-that' }, PEPPER);
  assert.deepEqual(sealKeys(changing, PEPPER).previous[0]!.id, before.current.id);
  const both = { KEYHOUND_SEAL_KEY: 'a-seal-key-of-its-own', KEYHOUND_SEAL_KEY_FILE: file };
  assert.throws(() => sealKeys(both, PEPPER), isError('usage'));
});

test('it is kept a week past its time, which is 30 days at least, and 90 where it has none; then it is swept', async () => {
  const folder = newFolder();
  const at = { now: NOW };
  const box = boxIn(folder, sealKeys({}, PEPPER), at);
  await box.seal('key-0', SECRET, NOW + DAY);
  await box.seal('key-1', SECRET, NOW + 40 * DAY);
  await box.seal('key-2', SECRET, null);
  at.now = NOW + 37 * DAY - 1;
  assert.deepEqual(await box.open('key-0'), SECRET);
  at.now = NOW + 37 * DAY;
  assert.equal(await box.open('key-0'), undefined);
  assert.equal(await box.sweep(), 1);
  at.now = NOW + 47 * DAY - 1;
  assert.deepEqual(await box.open('key-1'), SECRET);
  assert.equal(await box.sweep(), 0);
  at.now = NOW + 47 * DAY;
  assert.equal(await box.open('key-1'), undefined);
  assert.equal(await box.sweep(), 1);
  assert.deepEqual(readdirSync(folder), ['key-2.seal']);
  at.now = NOW + 97 * DAY;
  assert.equal(await box.open('key-2'), undefined);
});

test('a folder that cannot be written to is said before anything is deleted', async () => {
  const file = path.join(root, 'a-file');
  writeFileSync(file, '');
  await assert.rejects(
    boxIn(path.join(file, 'seals')).seal('key-1', SECRET, null),
    isError('seal-failed'),
  );
});
