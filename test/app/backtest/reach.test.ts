/** A backtest goes by what the configured gateways can. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DELAY_MS, reachOf } from '../../../app/backtest/reach.ts';
import { configSchema } from '../../../core/config.ts';

function reach(gateways: readonly object[]) {
  const config = configSchema.parse({ gateways });
  return reachOf({ config, path: undefined, folder: '/nowhere' }, () => 0);
}

test('without a gateway every rung is there, by one that asks', () => {
  const { rungsOf, asksPerRequest, delayOf } = reach([]);
  assert.equal(rungsOf('kong:1').has('contain'), true);
  assert.equal(asksPerRequest('kong:1'), true);
  assert.equal(delayOf('kong:1'), DELAY_MS);
});

test('with gateways a key can what its own can, and nothing where none covers it', () => {
  const kong = { name: 'kong', kind: 'kong', urls: ['http://127.0.0.1:8001'], settleMs: 7000 };
  const { rungsOf, asksPerRequest, delayOf } = reach([kong]);
  assert.equal(rungsOf('kong:1').has('suspend'), true);
  assert.equal(rungsOf('kong:1').has('contain'), false);
  assert.equal(asksPerRequest('kong:1'), false);
  assert.equal(delayOf('kong:1'), 7000);
  assert.equal(rungsOf('tyk:1').size, 0);
});
