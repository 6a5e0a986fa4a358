/** What a use outside a key's scope is about: what is outside, whatever else the request was. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyEntrySchema } from '../../core/config.ts';
import { type ApiEvent, createEvent, SCOPE_BREACH } from '../../core/event.ts';
import { loadRegistry } from '../../enrich/registry.ts';
import { latest, only, openBench } from './bench.ts';
import { closing } from './engine/said.ts';

const KEY = { id: 'kong:app', digest0: 1, digest1: 2, digest2: 3, digest3: 4 };
const FROM_AT = Date.parse('2026-03-02T00:00:00Z');
const HOUR_MS = 3_600_000;

test('called a false alarm, it is none on another route, from another network or by another method', () => {
  const scope = { networks: ['198.51.100.0/24'], expiresAt: '2026-03-01T00:00:00Z' };
  const bench = openBench({
    directory: loadRegistry([keyEntrySchema.parse({ id: KEY.id, scope })], '.'),
    settings: only('scope', {}),
  });
  const use = (hour: number, scopeBreaches: number, networkId: string, change: Partial<ApiEvent>) =>
    bench.feed([
      {
        ...createEvent(),
        key: KEY,
        attested: true,
        status: 200,
        position: hour,
        at: FROM_AT + hour * HOUR_MS,
        scopeBreaches,
        networkId,
        ...change,
      },
    ]);
  const { expiry, network } = SCOPE_BREACH;
  use(0, expiry, '198.51.100.0/24', { method: 'GET' });
  bench.engine.control(closing(bench, 'false-alarm', FROM_AT + 1));
  use(5, expiry, '198.51.100.0/24', { method: 'POST' });
  use(10, expiry, '198.51.100.128/25', { method: 'GET' });
  assert.equal(latest(bench.incidents).length, 1);

  use(15, expiry | network, '203.0.113.0/24', { method: 'GET' });
  assert.equal(latest(bench.incidents).length, 2);
  bench.engine.control(closing(bench, 'false-alarm', FROM_AT + 15 * HOUR_MS + 1));
  use(20, expiry | network, '203.0.113.0/24', { method: 'POST' });
  assert.equal(latest(bench.incidents).length, 2);
  use(25, expiry | network, '192.0.2.0/24', { method: 'POST' });
  assert.equal(latest(bench.incidents).length, 3);
});
