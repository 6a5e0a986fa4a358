/**
 * What the default automatic policy does about stolen keys (abroad, nine times their rate, on keys of a request a
 * second), and that it does nothing without one.
 *
 * Forty attacks: five on each of eight keys, each forked from the key's own four weeks, so that every attack starts
 * from an honest history; refused requests of the owner are held against a month of the key's traffic each. A month in
 * one piece, attacks among other keys, stands beside it with fewer of them. In CI two keys and one are attacked;
 * KEYHOUND_RESPONSE_KEYS=8 makes it the forty attacks, KEYHOUND_RESPONSE_MONTH_KEYS=40 the full month (an hour).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { WatchOutcome } from '../../core/control.ts';
import type { AttackSpec, KeyClass, Traffic, TrafficOptions } from '../../traffic/contract.ts';
import { createTraffic } from '../../traffic/traffic.ts';
import {
  type Attacked,
  actedOn,
  alerts,
  containedAfter,
  Lab,
  type Outcome,
} from './response-lab.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const WEEKS_MS = 28 * DAY_MS;
const MONTH_SECONDS = 30 * 86_400;
/** As the model mixes them. */
const CLASSES: readonly KeyClass[] = [
  'steady',
  'noisy',
  'bursty',
  'office',
  'steady',
  'noisy',
  'cron',
  'steady',
];
const TRIES = 5;
/** Of the eight keys; in CI two. */
const KEYS = Number(process.env['KEYHOUND_RESPONSE_KEYS'] ?? 2);
const RATE = 1.1;
/** The owner goes on for so long after an attack began: what stands may hit them. */
const WATCH_MS = 12 * 3_600_000;

/** Eight times what the key makes on average, on top of it: a thief does not know the owner's hours. */
function stolen(keyIndex: number, fromAt: number, minutes: number, rate: number): AttackSpec {
  const durationMs = minutes * MINUTE_MS;
  return { kind: 'stolen-key', keyIndex, fromAt, durationMs, rateMin: 8 * rate };
}

/** What became of an attack; nothing of the engine, of which there are forty. */
interface Try {
  readonly attack: Attacked;
  readonly goodRefused: number;
  readonly verdicts: readonly WatchOutcome[];
  readonly text: string;
}

function* tries(k: number): Generator<Try> {
  const keyClass = CLASSES[k]!;
  const options: TrafficOptions = {
    seed: 7100 + k,
    keys: 1,
    days: 36,
    novelty: false,
    overrides: { 0: { class: keyClass, rate: RATE } },
  };
  const base = createTraffic(options);
  const learner = new Lab(base);
  const events = base.eventsOfKey(0);
  for (let i = 0; i < TRIES; i++) {
    const at = base.fromAt + WEEKS_MS + Math.round(((i + 0.5) * 7 * DAY_MS) / TRIES + i * 137_000);
    learner.feed(events, at);
    const minutes = 10 + ((i * 7 + k * 3) % 21);
    const attacked = createTraffic({ ...options, attacks: [stolen(0, at, minutes, RATE)] });
    const lab = new Lab(attacked, { state: learner.snapshot() });
    lab.feed(attacked.eventsOfKey(0, { fromAt: at, toAt: at + WATCH_MS }));
    const outcome = lab.outcome();
    const attack = outcome.attacks[0]!;
    const { goodRefused, lane } = outcome;
    const verdicts = [...lane.verdicts.values()].map((verdict) => verdict.outcome);
    yield { attack, goodRefused, verdicts, text: `${keyClass} ${inWords(outcome, attack)}` };
  }
  assert.deepEqual(actedOn(learner.outcome()), [], 'nothing without an attack');
}

function inWords(outcome: Outcome, attack: Attacked): string {
  const contained = containedAfter(attack);
  const after = contained === undefined ? 'NOT contained' : `contained in ${contained / 1000} s`;
  const did = actedOn(outcome)
    .filter(({ subject }) => subject.id === attack.key)
    .map(({ rung, evidence }) => `${rung} at ${evidence?.risk}`);
  return (
    `${new Date(attack.label.fromAt).toISOString()}: ${after}, ${attack.badRefused} of ` +
    `${attack.bad} refused, ${outcome.goodRefused} of owners; ${did.join(', ')}`
  );
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!;
}

describe('forty stolen keys', () => {
  it('are contained nine times in ten, half of them within a minute, and hardly cost the owner anything', (t) => {
    const all = CLASSES.slice(0, KEYS).flatMap((_, k) => [...tries(k)]);
    for (const { text } of all) t.diagnostic(text);
    const delays = all.flatMap(({ attack }) => containedAfter(attack) ?? []);
    const refused = all.reduce((sum, { goodRefused }) => sum + goodRefused, 0);
    const share = refused / (all.length * RATE * MONTH_SECONDS);
    t.diagnostic(
      `${delays.length} of ${all.length} contained, median ${median(delays) / 1000} s, ` +
        `${(100 * share).toFixed(4)} % of the owners' month refused`,
    );
    assert.equal(all.length, TRIES * KEYS);
    assert.ok(delays.length >= 0.9 * all.length);
    assert.ok(median(delays) < MINUTE_MS);
    assert.ok(share < 0.001);
    // What the stream proves of each action, last.
    const verdicts = new Set(all.flatMap((one) => one.verdicts));
    assert.equal(verdicts.has('not-contained') || verdicts.has('not-restored'), false);
  });
});

const MONTH_KEYS = Number(process.env['KEYHOUND_RESPONSE_MONTH_KEYS'] ?? 1);
const OTHERS = 24;

describe('a month in one piece', () => {
  it('with attacks: those keys are contained, no other is touched', (t) => {
    const overrides = Object.fromEntries(
      Array.from({ length: MONTH_KEYS }, (_, i) => [i, { rate: 1 + (i % 4) / 10 }]),
    );
    const options: TrafficOptions = { seed: 9100, keys: MONTH_KEYS + OTHERS, days: 30, overrides };
    const { fromAt } = createTraffic(options);
    const attacks = Array.from({ length: MONTH_KEYS }, (_, i) => {
      const at = fromAt + (22 + (7.5 * (i + 0.37)) / MONTH_KEYS) * DAY_MS;
      return stolen(i, Math.floor(at), 10 + ((i * 7) % 21), 1 + (i % 4) / 10);
    });
    const outcome = monthOf(createTraffic({ ...options, attacks }));
    for (const attack of outcome.attacks) t.diagnostic(inWords(outcome, attack));
    const contained = outcome.attacks.filter((attack) => containedAfter(attack) !== undefined);
    const attacked = new Set(outcome.attacks.map(({ key }) => key));
    assert.ok(contained.length >= 0.9 * MONTH_KEYS);
    assert.ok(outcome.goodRefused < 0.001 * outcome.requestsOfAttacked);
    assert.equal(outcome.goodRefusedOfOthers, 0);
    const wrong = actedOn(outcome).filter(({ subject }) => !attacked.has(subject.id));
    assert.deepEqual(wrong, []);
  });

  it('without attacks: the default automatic policy acts on none of 200 keys', (t) => {
    const outcome = monthOf(createTraffic({ seed: 4242, keys: 200, days: 30 }));
    t.diagnostic(`${outcome.requests} requests, ${alerts(outcome).length} alerts`);
    assert.deepEqual(actedOn(outcome), []);
    assert.equal(outcome.goodRefused, 0);
  });
});

function monthOf(traffic: Traffic): Outcome {
  const lab = new Lab(traffic);
  lab.feed(traffic.events());
  return lab.outcome();
}
