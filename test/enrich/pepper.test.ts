import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { loadPepper, pepperKey } from '../../enrich/pepper.ts';

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'keyhound-pepper-'));
after(() => fs.rmSync(root, { recursive: true }));
const fresh = () => fs.mkdtempSync(path.join(root, 'home-'));

test('the first run makes a pepper that only its owner can read; the next run finds it', () => {
  const home = fresh();
  const first = loadPepper({ env: { HOME: home } });
  assert.equal(first.created, true);
  assert.equal(first.file, path.join(home, '.config', 'keyhound', 'pepper'));
  assert.equal(fs.statSync(first.file).mode & 0o777, 0o600);
  assert.equal(fs.statSync(path.dirname(first.file)).mode & 0o777, 0o700);
  assert.equal(Buffer.from(fs.readFileSync(first.file, 'utf8').trim(), 'base64url').length, 32);
  const second = loadPepper({ env: { HOME: home } });
  assert.deepEqual([second.created, second.fingerprint], [false, first.fingerprint]);
  assert.deepEqual(fs.readdirSync(path.dirname(first.file)), ['pepper'], 'no draft is left');
});

test('processes that start at once agree on one pepper', async () => {
  const home = fresh();
  const module = JSON.stringify(new URL('../../enrich/pepper.ts', import.meta.url).href);
  const program = `import { loadPepper } from ${module};
    const p = loadPepper({ env: process.env }); console.log(p.fingerprint, p.created);`;
  const run = () =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      env: { HOME: home },
    });
  const outputs = (await Promise.all([run(), run(), run(), run()])).map(({ stdout }) =>
    stdout.trim(),
  );
  assert.equal(new Set(outputs.map((line) => line.split(' ')[0])).size, 1);
  assert.equal(outputs.filter((line) => line.endsWith('true')).length, 1);
});

test('a pepper that another process has made meanwhile is taken, never replaced', (context) => {
  const home = fresh();
  const first = loadPepper({ env: { HOME: home } });
  context.mock.method(fs, 'existsSync', () => false);
  const second = loadPepper({ env: { HOME: home } });
  assert.deepEqual([second.created, second.fingerprint], [false, first.fingerprint]);
});

test('the environment wins over the generated file, and nothing is written then', () => {
  const home = fresh();
  const given = 'sixteen bytes or more';
  const pepper = loadPepper({ env: { HOME: home, KEYHOUND_PEPPER: given } });
  assert.deepEqual([pepper.file, pepper.created], [undefined, false]);
  assert.equal(pepper.fingerprint, pepperKey(given).fingerprint);
  assert.deepEqual(fs.readdirSync(home), []);
  const file = path.join(home, 'secret');
  fs.writeFileSync(file, `${given}\n`, { mode: 0o644 });
  const read = loadPepper({ env: { HOME: home, KEYHOUND_PEPPER_FILE: file } });
  assert.equal(read.fingerprint, pepper.fingerprint, 'a line end is no part of it');
});

test('a file that others can read is told, unless its folder keeps them out', () => {
  const home = fresh();
  const file = path.join(home, 'secret');
  fs.writeFileSync(file, 'sixteen bytes or more', { mode: 0o644 });
  const isExposed = (folder: number, mode: number): boolean => {
    fs.chmodSync(home, folder);
    fs.chmodSync(file, mode);
    return loadPepper({ env: { HOME: home, KEYHOUND_PEPPER_FILE: file } }).exposed;
  };
  assert.equal(isExposed(0o755, 0o644), true);
  assert.equal(isExposed(0o755, 0o600), false);
  assert.equal(isExposed(0o700, 0o444), false);
});

test('the pepper before is kept while it is being changed', () => {
  const env = {
    KEYHOUND_PEPPER: 'the new pepper, long',
    KEYHOUND_PEPPER_PREVIOUS: 'the old one, long too',
  };
  const pepper = loadPepper({ env });
  assert.equal(pepper.previous?.fingerprint, pepperKey('the old one, long too').fingerprint);
});

test('short, missing, doubled and misplaced peppers are refused without being shown', () => {
  const home = fresh();
  const refuse = (env: Record<string, string>, more: object, code: RegExp) =>
    assert.throws(
      () => loadPepper({ env: { HOME: home, ...env }, ...more }),
      (error: Error & { kind?: string; code?: string }) => {
        assert.equal(error.kind, 'usage');
        assert.match(error.code ?? '', code);
        assert.ok(!JSON.stringify([error.message, error]).includes('tooshort'));
        return true;
      },
    );
  refuse({ KEYHOUND_PEPPER: 'tooshort' }, {}, /^pepper-short$/);
  refuse({ KEYHOUND_PEPPER: 'tooshort', KEYHOUND_PEPPER_FILE: '/x' }, {}, /^usage$/);
  refuse({ KEYHOUND_PEPPER_FILE: path.join(home, 'none') }, {}, /^pepper-unreadable$/);
  refuse({}, { mayCreate: false }, /^pepper-missing$/);
  refuse({}, { stateDir: home }, /^pepper-in-state$/);
  assert.deepEqual(fs.readdirSync(home), []);
});

test('the fingerprint names a pepper and stays the same between versions', () => {
  assert.equal(pepperKey('a pepper for tests only, 32 bytes').fingerprint, 'ba4dc5c068b3473c');
});

test('a pepper of random bytes keeps every bit of them', () => {
  const file = path.join(fresh(), 'bytes');
  const fingerprints = [0x80, 0x81].map((byte) => {
    fs.writeFileSync(file, Buffer.concat([Buffer.alloc(31, 0xff), Buffer.from([byte, 0x0a])]));
    return loadPepper({ env: { KEYHOUND_PEPPER_FILE: file } }).fingerprint;
  });
  assert.notEqual(fingerprints[0], fingerprints[1]);
});
