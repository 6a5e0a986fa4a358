/** What people are told of the response itself, and how often. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AlertBook } from '../../../app/response/alert-book.ts';
import type { Alert } from '../../../core/alert.ts';
import type { Incident } from '../../../core/finding.ts';
import { sampleAction, sampleDecision } from '../../support/response-samples.ts';

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

function incident(id: string, change: Partial<Incident> = {}): Incident {
  return {
    ...{ type: 'incident', id, revision: 1, subject: { kind: 'key', id: 'kong:7f2d' } },
    ...{ openedAt: iso(0), updatedAt: iso(0), closedAt: null, severity: 'high', risk: 8 },
    ...{ families: ['place'], findings: [], why: 'used from two places at once' },
    ...change,
  };
}

const iso = (minutes: number): string => new Date(AT + minutes * MINUTE_MS).toISOString();

const ENDED = { state: 'ended', endedAt: iso(60), endedAs: 'calm', endedBy: 'policy' } as const;

/** From its opening to the request that passes again: in the order in which the parts of it are told. */
function acted(book: AlertBook, number: number): void {
  const [id, decided, action] = [`inc_${number}`, `dec_${number}`, `act_${number}`];
  const decision = sampleDecision({ id: decided, incident: id });
  const done = sampleAction({ id: action, decision: decided, state: 'done', doneAt: iso(1) });
  book.incident(incident(id), []);
  book.decision(decision, [done]);
  book.incident(incident(id, { revision: 2, closedAt: iso(60) }), []);
  book.decision({ ...decision, revision: 2, ...ENDED }, []);
  const undone = { ...done, revision: 2, state: 'undone', undoneAt: iso(61) } as const;
  book.action(undone);
  book.action({ ...undone, revision: 3, undoVerdict: 'restored' });
}

/** Held until it was closed, so nothing was done. */
function held(book: AlertBook, number: number): void {
  const [id, decided] = [`inc_held_${number}`, `dec_held_${number}`];
  const decision = sampleDecision({ id: decided, incident: id, state: 'held', heldBy: 'budget' });
  book.incident(incident(id), []);
  book.decision(decision, []);
  book.incident(incident(id, { revision: 2, closedAt: iso(60) }), []);
  book.decision({ ...decision, revision: 2, ...ENDED }, []);
}

function untouched(book: AlertBook, number: number): void {
  book.incident(incident(`inc_untouched_${number}`), []);
  book.incident(incident(`inc_untouched_${number}`, { revision: 2, closedAt: iso(60) }), []);
}

test('what is over is forgotten, what is open is not', () => {
  const { book, told } = open();
  book.incident(incident('inc_open'), []);
  const decision = sampleDecision({ incident: 'inc_open' });
  book.decision(decision, []);
  for (let number = 0; number < 10; number++) {
    for (const live of [acted, held, untouched]) live(book, number);
  }
  assert.equal(book.size, 1);
  assert.ok(told.some(({ done }) => done.some((line) => line.startsWith('accepted again'))));
  told.length = 0;
  book.action(sampleAction({ decision: decision.id, state: 'done', doneAt: iso(1) }));
  const alert = told.find(({ id }) => id === 'inc_open');
  assert.match(alert?.done.join() ?? '', /^suspended at kong/);
});
