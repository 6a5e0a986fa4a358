import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { writeSecrets } from './secrets.ts';

const parent = mkdtempSync(path.join(tmpdir(), 'keyhound-secrets-'));
after(() => rmSync(parent, { recursive: true }));
const folder = path.join(parent, 'secrets');
const made = writeSecrets(folder);

test('only their owner can enter the folder; containers can read a file of it that they are given', () => {
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  for (const name of Object.keys(made)) {
    assert.equal(statSync(path.join(folder, name)).mode & 0o777, 0o444, name);
  }
});

test('each is 256 random bits, and none is another', () => {
  const random = Object.entries(made).filter(([name]) => !name.includes('-users'));
  for (const [name, text] of random) assert.match(text, /^[0-9a-f]{64}\n$/, name);
  assert.equal(new Set(random.map(([, text]) => text)).size, random.length);
});

test('a second run changes nothing', () => {
  assert.deepEqual(writeSecrets(folder), made);
});

test('the servers get hashes, which fit the passwords, and no password', () => {
  const hash = (...parts: (string | Buffer)[]): Buffer => {
    const sum = createHash('sha256');
    for (const part of parts) sum.update(part);
    return sum.digest();
  };
  const password = (name: string): string => made[name]!.trim();
  assert.ok(
    made['redis-users']!.includes(` #${hash(password('redis-password')).toString('hex')} `),
  );
  const files = { keyhound: 'elasticsearch', kibana: 'kibana', operator: 'operator' };
  for (const [user, file] of Object.entries(files)) {
    const line = new RegExp(`^${user}:\\{SSHA256\\}(.{12})(.+)$`, 'm');
    const [, salt, digest] = line.exec(made['elasticsearch-users']!) ?? [];
    const salted = hash(password(`${file}-password`), Buffer.from(salt!, 'base64'));
    assert.equal(digest, salted.toString('base64'), user);
  }
  for (const name of ['redis-users', 'elasticsearch-users']) {
    for (const file of ['redis', ...Object.values(files)]) {
      assert.ok(!made[name]!.includes(password(`${file}-password`)), `${file} stands in ${name}`);
    }
  }
});

test('with another password there is another hash, and the rest stays', () => {
  const file = path.join(folder, 'redis-password');
  chmodSync(file, 0o600);
  writeFileSync(file, 'another\n');
  const later = statSync(path.join(folder, 'redis-users')).mtimeMs / 1000 + 10;
  utimesSync(file, later, later);
  const now = writeSecrets(folder);
  assert.notEqual(now['redis-users'], made['redis-users']);
  assert.equal(now['elasticsearch-users'], made['elasticsearch-users']);
  assert.equal(now['pepper'], made['pepper']);
});
