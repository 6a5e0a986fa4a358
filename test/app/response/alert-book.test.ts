/** What people are told of the response itself, and how often. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AlertBook } from '../../../app/response/alert-book.ts';
import type { Alert } from '../../../core/alert.ts';
import { sampleAction } from '../../support/response-samples.ts';

const AT = Date.parse('2026-03-01T10:00:00Z');
const MINUTE_MS = 60_000;
const logger = { debug() {}, info() {}, warn() {}, error() {} };

function open() {
  const told: Alert[] = [];
  const clock = { at: AT, now: () => clock.at };
  const consumerOf = () => '';
  const openOf = () => [];
  const tell = (alert: Alert) => void told.push(alert);
  const book = new AlertBook({ clock, logger, consumerOf, openOf, tell });
  return { book, clock, told };
}

test('trouble that goes on is told once an hour, in each hour, and of each gateway', () => {
  const { book, clock, told } = open();
  const trouble = (gateway: string) =>
    book.trouble({ kind: 'audit', action: sampleAction({ gateway }), reason: 'disk full' });
  for (let minutes = 0; minutes < 120; minutes++) {
    clock.at = AT + minutes * MINUTE_MS;
    trouble('kong');
    trouble('tyk');
  }
  assert.equal(told.length, 4);
  assert.equal(new Set(told.map(({ id }) => id)).size, 4);
  assert.ok(told.every(({ state, severity }) => state === 'firing' && severity === 'critical'));
});

test('a brake that holds is told once an hour', () => {
  const { book, told } = open();
  for (let minutes = 0; minutes < 120; minutes++) {
    const at = AT + minutes * MINUTE_MS;
    book.notice({ kind: 'budget', rung: 'suspend', text: 'spent', at });
  }
  assert.deepEqual(
    told.map(({ revision }) => revision - AT),
    [0, 60 * MINUTE_MS],
  );
});

test('what fires is told once until it is resolved, and what does not fire is not resolved', () => {
  const { book, told } = open();
  const said = { id: 'health-a', severity: 'high', title: 'a', text: 'a', at: AT } as const;
  for (const state of ['resolved', 'firing', 'firing', 'resolved', 'resolved', 'firing'] as const) {
    book.health({ ...said, state });
  }
  assert.deepEqual(
    told.map(({ state }) => state),
    ['firing', 'resolved', 'firing'],
  );
});
