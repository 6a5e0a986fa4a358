import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finish } from '../../../core/hash.ts';
import { hasSeen, SEEN_CODES_LAYOUT, see } from '../../../detectors/baselines/seen-codes.ts';
import { stateOf } from './chance.ts';

const fresh = () => stateOf(SEEN_CODES_LAYOUT);
const code = (i: number): number => finish(i * 0x9e3779b1);
const shareSeen = (state: ReturnType<typeof fresh>): number => {
  let seen = 0;
  for (let i = 1000; i < 6000; i++) if (hasSeen(state, code(i))) seen++;
  return seen / 5000;
};

test('36 codes are all known, and of others about 8 % are taken for known', () => {
  const state = fresh();
  assert.equal(shareSeen(state), 0);
  for (let i = 0; i < 36; i++) see(state, code(i));
  for (let i = 0; i < 36; i++) assert.ok(hasSeen(state, code(i)), String(i));
  assert.ok(shareSeen(state) < 0.11, String(shareSeen(state)));
});

test('a code in use is never forgotten, one out of use is when many have come since', () => {
  const state = fresh();
  see(state, code(0));
  see(state, code(1));
  for (let i = 2; i < 500; i++) {
    see(state, code(i));
    if (i % 10 === 0) see(state, code(0));
    assert.ok(hasSeen(state, code(0)));
  }
  const kept = [...Array(400).keys()].filter((i) => hasSeen(state, code(i + 1))).length;
  assert.ok(kept < 100, `${kept} of 400 old codes`);
  assert.ok(shareSeen(state) < 0.2, String(shareSeen(state)));
});
