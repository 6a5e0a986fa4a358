/** The gateway of a backtest refuses what a real one would, from the moment it would know. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MadeGateway, refuse, wasRefused } from '../../../app/backtest/made-gateway.ts';
import type { Decision } from '../../../core/decision.ts';
import { type ApiEvent, createEvent, UNKNOWN_PLACE } from '../../../core/event.ts';
import { LIMITED_BY } from '../../../core/record.ts';
import { sampleDecision, sampleProfile } from '../../support/response-samples.ts';

const T0 = Date.parse('2026-03-01T10:00:00Z');
const HOUR_MS = 3_600_000;
const DELAY_MS = 1000;
const KEY = { ...createEvent().key, id: 'kong:7f2d' };

function use(at: number, change: Partial<ApiEvent> = {}): ApiEvent {
  return { ...createEvent(), at, key: KEY, attested: true, status: 200, ...change };
}

function standing(change: Partial<Decision>, profile = sampleProfile()): MadeGateway {
  const gateway = new MadeGateway(() => DELAY_MS);
  const untilAt = new Date(T0 + HOUR_MS).toISOString();
  gateway.put(sampleDecision({ rung: 'suspend', untilAt, ...change }), T0, profile);
  return gateway;
}

test('a decision is in effect from its delay on until it is over, for its key alone', () => {
  const gateway = standing({});
  assert.equal(gateway.refuses(use(T0 + DELAY_MS - 1)), undefined);
  assert.equal(gateway.refuses(use(T0 + DELAY_MS))?.rung, 'suspend');
  const other = { ...KEY, id: 'kong:other' };
  assert.equal(gateway.refuses(use(T0 + DELAY_MS, { key: other })), undefined);
  assert.equal(gateway.refuses(use(T0 + HOUR_MS + DELAY_MS - 1))?.rung, 'suspend');
  assert.equal(gateway.refuses(use(T0 + HOUR_MS + DELAY_MS)), undefined);
});

test('one that ends before its time holds until its gateway knows', () => {
  const gateway = standing({});
  const endedAt = T0 + 60_000;
  gateway.put(sampleDecision({ revision: 2, state: 'ended' }), endedAt, undefined);
  assert.equal(gateway.refuses(use(endedAt + DELAY_MS - 1))?.rung, 'suspend');
  assert.equal(gateway.refuses(use(endedAt + DELAY_MS)), undefined);
});

test('what is only noted, held or told refuses nothing', () => {
  for (const change of [{ state: 'noted' }, { state: 'held' }, { rung: 'alert' }] as const) {
    assert.equal(standing(change).refuses(use(T0 + DELAY_MS)), undefined, JSON.stringify(change));
  }
});

test('a throttle lets a bucket pass, and what it gains', () => {
  const gateway = standing({ rung: 'throttle-hard', limit: { requests: 6, windowMs: 60_000 } });
  const passed = (from: number, n: number) =>
    Array.from({ length: n }, (_, i) => gateway.refuses(use(from + i))).filter(
      (refusal) => refusal === undefined,
    ).length;
  assert.equal(passed(T0 + DELAY_MS, 20), 6);
  assert.equal(passed(T0 + DELAY_MS + 20_100, 20), 2);
});

test('contain refuses what departs from the profile, and all where there is none', () => {
  const profile = sampleProfile({ countries: ['DE'], networkCodes: [], routeFilter: [] });
  const gateway = standing({ rung: 'contain' }, profile);
  const from = (country: string) => use(T0 + DELAY_MS, { place: { ...UNKNOWN_PLACE, country } });
  assert.equal(gateway.refuses(from('DE')), undefined);
  assert.equal(gateway.refuses(from('JP'))?.rung, 'contain');
  const blind = new MadeGateway(() => 0);
  blind.put(sampleDecision({ rung: 'contain', untilAt: null }), T0, undefined);
  assert.equal(blind.refuses(from('DE'))?.rung, 'contain');
});

test('of several the strictest decides', () => {
  const gateway = standing({ rung: 'throttle-hard', limit: { requests: 1e6, windowMs: 1000 } });
  gateway.put(sampleDecision({ id: 'dec_2', rung: 'revoke', untilAt: null }), T0, undefined);
  assert.equal(gateway.refuses(use(T0 + DELAY_MS))?.decision, 'dec_2');
});

test('a refused request is one that we refused, and is told from what the gateway refused itself', () => {
  const event = use(T0);
  assert.equal(wasRefused(event), false);
  refuse(event, { decision: 'dec_1', rung: 'throttle-soft' });
  assert.deepEqual([event.status, event.limitedBy], [429, LIMITED_BY.keyhound]);
  refuse(event, { decision: 'dec_1', rung: 'suspend' });
  assert.equal(event.status, 403);
  assert.equal(wasRefused(use(T0, { status: 403 })), true);
  assert.equal(wasRefused(use(T0, { status: 404 })), false);
});
