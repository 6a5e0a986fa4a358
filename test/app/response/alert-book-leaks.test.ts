/** A report of a leak and the incident that detection makes of it are told as one, whichever is heard of first. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AlertBook } from '../../../app/response/alert-book.ts';
import type { Alert } from '../../../core/alert.ts';
import type { Decision } from '../../../core/decision.ts';
import type { Incident } from '../../../core/finding.ts';
import { makeFinding, makeIncident, T0 } from '../../responders/scene.ts';
import { sampleAction, sampleDecision } from '../../support/response-samples.ts';

const KEY = 'kong:7f2d';
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const leak = makeFinding(KEY, 'leak', 10, T0, {});
const place = makeFinding(KEY, 'new-place', 6, T0, {});

function incident(change: Partial<Incident> = {}): Incident {
  return makeIncident(KEY, [leak, place], T0, undefined, change);
}

const INCIDENT = incident().id;
const report = (change: Partial<Decision> = {}) =>
  sampleDecision({
    id: 'dec_report',
    incident: null,
    actor: 'report:scanner',
    rung: 'revoke',
    untilAt: null,
    ...change,
  });

function open(known: readonly Decision[] = []) {
  const told: Alert[] = [];
  const rig = { known };
  const book = new AlertBook({
    clock: { now: () => T0 },
    logger,
    consumerOf: () => '',
    openOf: () => rig.known,
    tell: (alert) => void (alert.id.startsWith('act_') || told.push(alert)),
  });
  const decide = (decision: Decision, ...actions: Parameters<AlertBook['decision']>[1]) => {
    rig.known = decision.state === 'ended' ? [] : [decision];
    book.decision(decision, actions);
  };
  return { book, decide, told };
}

const ids = (told: readonly Alert[]) => told.map(({ id, follows = [] }) => [id, ...follows]);

test('told by itself until its incident is known, which goes on with it', () => {
  const { book, decide, told } = open();
  decide(report());
  book.incident(incident(), [leak, place]);
  decide(report({ revision: 2, state: 'ended', endedAs: 'restored' }));
  assert.deepEqual(ids(told), [['dec_report'], [INCIDENT, 'dec_report'], [INCIDENT, 'dec_report']]);
  assert.ok(told[0]!.waitUntilAt! > Date.parse(report().decidedAt));
  assert.ok(told[0]!.revision < told[1]!.revision && told[1]!.revision < told[2]!.revision);
});

test('what was done before comes with it', () => {
  const { book, decide, told } = open();
  const done = sampleAction({
    decision: 'dec_report',
    rung: 'revoke',
    state: 'done',
    doneAt: '2026-03-01T10:00:01.000Z',
    untilAt: null,
  });
  decide(report());
  book.action(done);
  book.incident(incident(), [leak, place]);
  book.action({ ...done, revision: 2, verdict: 'contained', verifiedAt: done.doneAt });
  assert.deepEqual(ids(told).at(-1), [INCIDENT, 'dec_report']);
  assert.deepEqual(
    told.map(({ done }) => done.length),
    [0, 1, 1, 2],
  );
});

test('a report about a key with an open incident is told with that', () => {
  const { book, decide, told } = open();
  book.incident(incident(), [place]);
  decide(report());
  assert.deepEqual(ids(told), [[INCIDENT], [INCIDENT, 'dec_report']]);
  assert.equal(told[1]!.severity, 'critical');
});

test('after a start the incident may be heard of first, and still goes on with the report', () => {
  const { book, decide, told } = open([report()]);
  book.incident(incident(), [leak, place]);
  decide(report());
  assert.deepEqual(ids(told), [
    [INCIDENT, 'dec_report'],
    [INCIDENT, 'dec_report'],
  ]);
});

test('an incident without that proof, and a report that only observes, are told by themselves', () => {
  const { book, decide, told } = open();
  decide(report());
  book.incident(incident(), [place]);
  assert.deepEqual(ids(told), [['dec_report'], [INCIDENT]]);
  const observing = open();
  observing.decide(report({ mode: 'observe', state: 'noted' }));
  observing.book.incident(incident(), [leak, place]);
  assert.deepEqual(ids(observing.told), [[INCIDENT]]);
});

test('it is over when both are: the incident closed, and the key given back', () => {
  const closed = { closedAt: '2026-03-02T12:00:00.000Z', revision: 5 };
  const restored = report({ revision: 2, state: 'ended', endedAs: 'restored' });
  for (const order of ['incident first', 'report first']) {
    const { book, decide, told } = open();
    decide(report());
    book.incident(incident(), [leak, place]);
    if (order === 'report first') decide(restored);
    book.incident(incident(closed), [leak, place]);
    if (order === 'incident first') decide(restored);
    assert.deepEqual(
      told.map(({ state }) => state),
      ['firing', 'firing', 'firing', 'resolved'],
      order,
    );
    assert.deepEqual(ids(told).at(-1), [INCIDENT, 'dec_report']);
  }
});
