/** A state that was converted is saved as such, all of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBench } from '../bench.ts';
import { KeptState } from '../kept-state.ts';
import { deletions, spoiled, toyEvents } from '../toy.ts';

test('records of keys that are not used after an update are saved in its layout', () => {
  const settings = { deletions: {} };
  const before = openBench({ detectors: [spoiled({ version: 1 })], settings, durable: true });
  before.feed(toyEvents());
  const kept = new KeptState();
  kept.take(before.engine.checkpoint());
  const migrate = (state: { usual: number }) => {
    state.usual *= 2;
    return true;
  };
  const detectors = [spoiled({ version: deletions.version, migrate })];
  const open = () => openBench({ detectors, settings, durable: true, state: kept.load() });
  const after = open();
  assert.notDeepEqual(after.records(), before.records());
  kept.take(after.engine.checkpoint());
  const again = open();
  assert.deepEqual(again.records(), after.records());
  assert.equal([...again.engine.checkpoint().subjects].length, 0, 'what is as it should be is not');
});
