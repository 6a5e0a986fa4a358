import assert from 'node:assert/strict';
import test from 'node:test';
import { Judge } from '../../../detectors/engine/judge.ts';
import { DETECTORS } from '../../../detectors/list.ts';

test('a subject has no getter of its own: V8 would look every property of it up by name', () => {
  const { subject } = new Judge(DETECTORS, {});
  const own = Object.entries(Object.getOwnPropertyDescriptors(subject));
  assert.ok(own.length > 10);
  for (const [name, { get }] of own) assert.equal(get, undefined, name);
  assert.equal(typeof subject.prior.routesPerMinute, 'number');
});
