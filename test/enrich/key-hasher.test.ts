import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KeyIdentity } from '../../core/event.ts';
import { parseKeySpec } from '../../core/key-spec.ts';
import { pepperKey } from '../../enrich/pepper.ts';
import { enricher, PEPPER, resolve, traits } from './fakes.ts';

const RAW = 'kx_live_0123456789abcdef';
const NEXT = pepperKey('the pepper that comes after, long');
const THIRD = pepperKey('the third of them, long enough too');

/** Identity under one pepper alone. */
function under(pepper: typeof PEPPER, rawKey = RAW): KeyIdentity {
  return resolve({ rawKey }, { by: enricher({ pepper }) }).event.key;
}

/** An enricher in the middle of a change, over a state that has records of these keys. */
function changing(known: readonly KeyIdentity[], options: Parameters<typeof enricher>[0] = {}) {
  const asked: string[] = [];
  const by = enricher({
    pepper: NEXT,
    previousPepper: PEPPER,
    knowsKey: (key) => {
      asked.push(key.id);
      return known.some(({ id, digest0 }) => id === key.id && digest0 === key.digest0);
    },
    ...options,
  });
  return { by, asked };
}

const keyOf = (by: ReturnType<typeof enricher>, texts: Parameters<typeof resolve>[0], more = {}) =>
  resolve(texts, { by, ...more }).event.key;

test('a key known under the former pepper keeps its identity, a new one gets the new hash', () => {
  const { by } = changing([under(PEPPER)]);
  assert.deepEqual(keyOf(by, { rawKey: RAW }), under(PEPPER));
  assert.deepEqual(keyOf(by, { rawKey: 'another' }), under(NEXT, 'another'));
  const spec = traits({ key: parseKeySpec('basic') });
  const user = Buffer.from(`${RAW}:secret`).toString('base64');
  assert.deepEqual(keyOf(by, { rawKey: `Basic ${user}` }, { traits: spec }), under(PEPPER));
});

test('the binding is part of the snapshot and holds without the former pepper', () => {
  const { by } = changing([under(PEPPER)]);
  keyOf(by, { rawKey: RAW });
  const after = enricher({ pepper: NEXT });
  after.restoreAliases(by.aliases.snapshot());
  assert.deepEqual(keyOf(after, { rawKey: RAW }), under(PEPPER));
  assert.deepEqual(after.identify(RAW), under(PEPPER));
  assert.deepEqual(after.aliases.snapshot(), by.aliases.snapshot());
});

test('a second change leads through the first to the same identity', () => {
  const { by } = changing([under(PEPPER)]);
  keyOf(by, { rawKey: RAW });
  const again = enricher({ pepper: THIRD, previousPepper: NEXT });
  again.restoreAliases(by.aliases.snapshot());
  assert.deepEqual(keyOf(again, { rawKey: RAW }), under(PEPPER));
  const last = enricher({ pepper: THIRD });
  last.restoreAliases(again.aliases.snapshot());
  assert.deepEqual(keyOf(last, { rawKey: RAW }), under(PEPPER));
});

test('a key that was bound to a credential under the former pepper is still that credential', () => {
  const before = enricher();
  keyOf(before, { credentialId: '7f2d', rawKey: RAW });
  const { by } = changing([]);
  by.restoreAliases(before.aliases.snapshot());
  assert.equal(keyOf(by, { rawKey: RAW }).id, 'kong:7f2d');
});

test('a credential takes the place of a former hash, and is no conflict', () => {
  const { by } = changing([under(PEPPER)]);
  keyOf(by, { rawKey: RAW });
  assert.equal(keyOf(by, { credentialId: '7f2d', rawKey: RAW }).id, 'kong:7f2d');
  assert.equal(keyOf(by, { rawKey: RAW }).id, 'kong:7f2d');
  assert.equal(by.aliases.conflicts, 0);
});

test('a binding that was pushed out is made again while the former pepper is set', () => {
  const keys = ['key-number-1', 'key-number-2', 'key-number-3'];
  const known = keys.map((key) => under(PEPPER, key));
  const { by } = changing(known, { aliasesMax: 2 });
  for (let round = 0; round < 3; round++) {
    for (const [i, rawKey] of keys.entries()) assert.deepEqual(keyOf(by, { rawKey }), known[i]);
  }
  assert.equal(by.aliases.size, 2);
});

test('a key with a record under both keeps the newer life', () => {
  const { by } = changing([under(PEPPER), under(NEXT)]);
  assert.deepEqual(keyOf(by, { rawKey: RAW }), under(NEXT));
});

test('asking for a raw key finds its former identity and binds nothing', () => {
  const { by } = changing([under(PEPPER)]);
  assert.deepEqual(by.identify(RAW), under(PEPPER));
  assert.equal(by.aliases.size, 0);
});

test('a credential id that may not be shown is carried over like a raw key', () => {
  const credentialId = 'a\nb';
  const former = resolve({ credentialId }).event.key;
  const { by } = changing([former]);
  assert.deepEqual(keyOf(by, { credentialId }), former);
  const after = enricher({ pepper: NEXT });
  after.restoreAliases(by.aliases.snapshot());
  assert.deepEqual(keyOf(after, { credentialId }), former);
});

test('records are asked for once per key, and never when no pepper is being changed', () => {
  const { by, asked } = changing([under(PEPPER)]);
  for (let i = 0; i < 100; i++) keyOf(by, { rawKey: RAW });
  assert.equal(asked.length, 2);
  const { by: settled, asked: never } = changing([], { previousPepper: undefined });
  keyOf(settled, { rawKey: RAW });
  settled.identify(RAW);
  assert.deepEqual(never, []);
});
