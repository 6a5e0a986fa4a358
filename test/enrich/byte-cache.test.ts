import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteCache } from '../../enrich/byte-cache.ts';

const bytes = (text: string) => Buffer.from(text);
const get = <V>(cache: ByteCache<V>, text: string) => cache.get(bytes(text), 0, bytes(text).length);
const set = <V>(cache: ByteCache<V>, text: string, value: V) =>
  cache.set(bytes(text), 0, bytes(text).length, value);

test('answers only what was stored for exactly these bytes', () => {
  const cache = new ByteCache<string>(4, 16);
  for (let i = 0; i < 2000; i++) {
    const text = `key-${i}`;
    assert.equal(get(cache, text), undefined);
    set(cache, text, text);
    assert.equal(get(cache, text), text);
  }
  for (let i = 0; i < 2000; i++) {
    const found = get(cache, `key-${i}`);
    assert.ok(found === undefined || found === `key-${i}`);
  }
});

test('finds bytes anywhere in a buffer, and the empty string', () => {
  const cache = new ByteCache<number>(8, 16);
  cache.set(bytes('xxabcxx'), 2, 5, 7);
  assert.equal(cache.get(bytes('abc'), 0, 3), 7);
  assert.equal(get(cache, ''), undefined);
  set(cache, '', 9);
  assert.equal(get(cache, ''), 9);
});

test('what is longer than the stride is not kept', () => {
  const cache = new ByteCache<number>(8, 6);
  set(cache, 'abcde', 1);
  assert.equal(get(cache, 'abcde'), undefined);
  set(cache, 'abcd', 2);
  assert.equal(get(cache, 'abcd'), 2);
});

test('a full set gives up its oldest, the rest stays', () => {
  const cache = new ByteCache<number>(4, 8);
  for (let i = 0; i < 5; i++) set(cache, `k${i}`, i);
  const found = [0, 1, 2, 3, 4].map((i) => get(cache, `k${i}`));
  assert.deepEqual(found, [undefined, 1, 2, 3, 4]);
});

test('two keys of the same hash are told apart', () => {
  // 300,000 keys meet in about ten pairs of equal 32-bit hashes.
  const cache = new ByteCache<number>(1 << 19, 18);
  const key = new Uint8Array(16);
  const words = new DataView(key.buffer);
  for (let i = 0; i < 300_000; i++) {
    words.setUint32(4, Math.imul(i, 0x9e3779b1));
    words.setUint32(12, i);
    assert.equal(cache.get(key, 0, 16), undefined);
    cache.set(key, 0, 16, i);
  }
});

test('with a doorkeeper, what comes once is not kept, and pushes out nothing that came twice', () => {
  const cache = new ByteCache<number>(1024, 16, 'second');
  const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
  const real = bytesOf('real');
  cache.set(real, 0, real.length, 7);
  assert.equal(cache.get(real, 0, real.length), undefined);
  cache.set(real, 0, real.length, 7);
  assert.equal(cache.get(real, 0, real.length), 7);
  let kept = 0;
  for (let i = 0; i < 20_000; i++) {
    const made = bytesOf(`made-${i}`);
    cache.set(made, 0, made.length, i);
    if (cache.get(made, 0, made.length) !== undefined) kept++;
  }
  assert.ok(kept < 20, `${kept} kept`);
  assert.equal(cache.get(real, 0, real.length), 7);
});
