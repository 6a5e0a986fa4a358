import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KeyEntry, keyEntrySchema } from '../../core/config.ts';
import { createEvent } from '../../core/event.ts';
import type { LoadedState } from '../../core/store.ts';
import { loadRegistry } from '../../enrich/registry.ts';
import { latest, only, openBench } from './bench.ts';
import { KeptState } from './kept-state.ts';

const KEY = { id: 'kong:app', digest0: 1, digest1: 2, digest2: 3, digest3: 4 };
const HOUR_MS = 3_600_000;
const FROM_AT = Date.parse('2026-03-02T00:00:00Z');

/** Uses of the key, one an hour, from a day on; what was found, and the state it left. */
function uses(
  entry: Partial<KeyEntry>,
  fromDay: number,
  days: number,
  options: { readonly state?: LoadedState; readonly settings?: Record<string, unknown> } = {},
) {
  const { state, settings = {} } = options;
  const directory = loadRegistry([keyEntrySchema.parse({ id: KEY.id, ...entry })], '.');
  const bench = openBench({
    directory,
    durable: true,
    settings: only('rotation', { rotation: settings }),
    ...(state === undefined ? {} : { state }),
  });
  for (let hour = fromDay * 24; hour < (fromDay + days) * 24; hour++) {
    const event = { ...createEvent(), key: KEY, attested: true, status: 200, position: hour };
    bench.feed([{ ...event, at: FROM_AT + hour * HOUR_MS }]);
  }
  const kept = new KeptState(state);
  kept.take(bench.engine.checkpoint());
  return { scores: latest(bench.findings).map(({ score }) => score), state: kept.load() };
}

test('told once a rotation period, over restarts; a rotated key begins a new one', () => {
  const old = { createdAt: '2025-12-08T00:00:00Z' };
  const first = uses(old, 0, 10);
  assert.deepEqual(first.scores, [4, 4.5]);
  const second = uses(old, 10, 40, { state: first.state });
  assert.deepEqual(second.scores, []);
  const renewed = { ...old, rotatedAt: '2026-04-20T00:00:00Z' };
  assert.deepEqual(uses(renewed, 50, 85, { state: second.state }).scores, [4]);
  assert.deepEqual(uses(renewed, 50, 120, { state: second.state }).scores, [4, 4.5]);
});

test('ages, announcement and overlap are settings', () => {
  const old = { createdAt: '2025-12-08T00:00:00Z' };
  assert.deepEqual(uses(old, 0, 10, { settings: { ageDays: 120 } }).scores, []);
  assert.deepEqual(uses(old, 0, 10, { settings: { announceDays: 0 } }).scores, [4.5]);
  const high = { ...old, risk: 'high' } as const;
  assert.deepEqual(uses(high, 0, 1, { settings: { ageDaysHighRisk: 200 } }).scores, []);
  const ended = { scope: { expiresAt: '2026-03-02T00:00:00Z' } };
  assert.deepEqual(uses(ended, 0, 10).scores, [7, 7]);
  assert.deepEqual(uses(ended, 0, 10, { settings: { againDays: 20 } }).scores, [7]);
  assert.deepEqual(uses(ended, 0, 3, { settings: { overlapHours: 100 } }).scores, []);
});

test('what nobody heard, because it was switched off, is told when it is switched on', () => {
  const old = { createdAt: '2025-01-01T00:00:00Z' };
  const off = uses(old, 0, 3, { settings: { enabled: false } });
  assert.deepEqual(off.scores, []);
  assert.deepEqual(uses(old, 3, 3, { state: off.state }).scores, [4.5]);
});
