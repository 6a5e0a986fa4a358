/** An update of the geography data moves addresses that have not moved: places are damped for a day. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ApiEvent, createEvent, type Place, UNKNOWN_PLACE } from '../../../core/event.ts';
import { AUTH } from '../../../core/record.ts';
import type { LoadedState } from '../../../core/store.ts';
import { latest, learned, openBench } from '../bench.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FROM_AT = Date.parse('2026-03-02T00:00:00Z');
const place = (country: string, countryCode: number): Place => ({
  ...UNKNOWN_PLACE,
  country,
  countryCode,
  regionCode: countryCode,
  kind: 'public',
});
const HOME = place('DE', 83);
const MOVED = place('LU', 307);

function use(at: number, where: Place): ApiEvent {
  return {
    ...createEvent(),
    at,
    position: (at - FROM_AT) / 1000,
    key: { id: 'kong:1', digest0: 7, digest1: 7, digest2: 1, digest3: 1 },
    attested: true,
    auth: AUTH.ok,
    status: 200,
    place: where,
  };
}

function* uses(from: number, to: number, where: Place): Generator<ApiEvent> {
  for (let at = from; at < to; at += 60_000) yield use(at, where);
}

const UPDATE_AT = FROM_AT + 21 * DAY_MS;

const LEARNED = learned(uses(FROM_AT, UPDATE_AT, HOME));

/** Three weeks at home under a version of the data; then saved. */
function lived(version: string): LoadedState {
  return { ...LEARNED, meta: { ...LEARNED.meta, geography: { version, dampedUntil: 0 } } };
}

/** Highest score of new-place when all addresses lie elsewhere from an instant on. */
function scoreFrom(version: string, movedAt: number, toAt: number) {
  const bench = openBench({ durable: true, state: lived(version) });
  bench.feed(uses(UPDATE_AT, movedAt, HOME));
  bench.feed(uses(movedAt, toAt, MOVED));
  const found = latest(bench.findings).filter(({ detector }) => detector === 'new-place');
  const inputs = bench.engine
    .checkpoint()
    .inputs.filter(({ detector }) => detector === 'new-place');
  return { score: Math.max(0, ...found.map(({ score }) => score)), inputs };
}

test('on the day after an update places are information only, and known from then on', () => {
  const same = scoreFrom('flat earth 1', UPDATE_AT, UPDATE_AT + 3 * DAY_MS);
  const updated = scoreFrom('flat earth 0', UPDATE_AT, UPDATE_AT + 3 * DAY_MS);
  assert.ok(same.score > 5, String(same.score));
  assert.ok(updated.score >= 4 && updated.score <= 4.9, String(updated.score));
});

test('a day later a new place is news again', () => {
  const from = UPDATE_AT + 25 * HOUR_MS;
  assert.ok(scoreFrom('flat earth 0', from, from + HOUR_MS).score > 5);
});

test('a damped finding is judged again as it was', () => {
  const { inputs } = scoreFrom('flat earth 0', UPDATE_AT, UPDATE_AT + HOUR_MS);
  assert.equal(inputs.length, 1);
  assert.equal(openBench().engine.recompute(inputs[0]!).identical, true);
});
