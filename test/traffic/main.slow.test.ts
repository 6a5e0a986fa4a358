import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

const MAIN = path.join(import.meta.dirname, '../../traffic/main.ts');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyhound-traffic-'));
after(() => fs.rmSync(folder, { recursive: true }));

function run(args: string, env: Record<string, string> = {}) {
  const flags = ['--disable-warning=ExperimentalWarning', MAIN, ...args.split(' ')];
  const { KEYHOUND_PEPPER: _, ...rest } = process.env;
  return spawnSync(process.execPath, flags, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...rest, ...env },
  });
}

test('writes lines and labels; equal seeds give equal bytes, compressed or not', () => {
  const common = '--seed 5 --keys 9 --days 1 --attacks 3';
  const plain = run(`${common} --out a.ndjson --labels a.labels`);
  assert.equal(plain.status, 0, plain.stderr);
  assert.match(plain.stderr, /^traffic: \d+ lines, \d+ bytes, 3 attacks/);
  assert.equal(run(`${common} --out b.ndjson.gz`).status, 0);
  const bytes = fs.readFileSync(path.join(folder, 'a.ndjson'));
  assert.ok(bytes.length > 100_000);
  assert.ok(gunzipSync(fs.readFileSync(path.join(folder, 'b.ndjson.gz'))).equals(bytes));
  const labels = fs.readFileSync(path.join(folder, 'a.labels'), 'utf8').trim().split('\n');
  assert.equal(labels.length, 3);
  for (const line of labels) {
    const label = JSON.parse(line) as { subject: string; fromAt: string; toAt: string };
    assert.deepEqual(Object.keys(label), ['subject', 'kind', 'fromAt', 'toAt']);
    assert.ok(bytes.includes(label.subject.replace('kong:', '')));
    assert.ok(label.fromAt < label.toAt);
  }
});

test('labels of raw-key formats name the subject only under a pepper', () => {
  const args = '--keys 5 --days 2 --attacks 1 --format nginx --out c.log --labels c.labels';
  const label = () => JSON.parse(fs.readFileSync(path.join(folder, 'c.labels'), 'utf8')) as object;
  assert.equal(run(`${args} --registry c.json`).status, 2);
  assert.equal(run(args).status, 0);
  assert.ok('keyLabel' in label() && !('subject' in label()));
  assert.equal(run(args, { KEYHOUND_PEPPER: 'a pepper long enough' }).status, 0);
  assert.match((label() as { subject: string }).subject, /^h:[0-9a-f]{32}$/);
});

test('--lines stops there, --out - writes to stdout and nothing else goes there', () => {
  const result = run('--keys 5 --days 2 --lines 7 --format keyhound --out -');
  assert.equal(result.status, 0);
  assert.equal(result.stdout.trim().split('\n').length, 7);
});

test('wrong use exits 2, with nothing on stdout', () => {
  const result = run('--sed 4 --out x');
  assert.equal(result.status, 2);
  assert.match(result.stderr, /Did you mean --seed\?/);
  assert.equal(result.stdout, '');
});

test('a registry that cannot be made leaves no empty labels behind', () => {
  const common = '--keys 2 --days 1 --format nginx';
  const ran = run(`${common} --out n.log --labels n.labels --registry n.json`);
  assert.equal(ran.status, 2);
  assert.match(ran.stderr, /KEYHOUND_PEPPER/);
  assert.deepEqual(
    fs.readdirSync(folder).filter((name) => name.startsWith('n.')),
    [],
  );
});

test('a place that cannot be written exits 1', () => {
  assert.equal(run('--keys 2 --days 1 --out missing/folder/x').status, 1);
});
