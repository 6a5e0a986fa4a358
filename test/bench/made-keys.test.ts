import assert from 'node:assert/strict';
import { test } from 'node:test';
import { madeKey } from '../../bench/variants/made-keys.ts';
import { keyGroupOf } from '../../core/event.ts';

test('made keys are distinct and spread over all key groups', () => {
  const ids = new Set<string>();
  const groups = new Set<number>();
  for (let i = 0; i < 20_000; i++) {
    const key = madeKey(i);
    ids.add(`${key.digest0} ${key.digest1} ${key.digest2} ${key.digest3}`);
    groups.add(keyGroupOf(key));
    assert.equal(key.id.length, 41);
  }
  assert.equal(ids.size, 20_000);
  assert.equal(groups.size, 256);
});
