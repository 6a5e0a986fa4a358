/** Token buckets of keys: layers, throttles, what is forgotten, what is kept. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Verdict } from '../../core/verdict.ts';
import type { Answer, KeyFacts } from '../../decide/contract.ts';
import { createAnswer } from '../../decide/decider.ts';
import { Limits, type SavedBuckets } from '../../decide/limits.ts';
import type { Layer } from '../../decide/limits-layers.ts';
import { sampleVerdict } from '../support/response-samples.ts';

const MINUTE: Layer = { name: 'minute', limit: { requests: 3, windowMs: 60_000 }, enforce: true };
const DAY: Layer = { name: 'day', limit: { requests: 5, windowMs: 86_400_000 }, enforce: true };
const AT = Date.parse('2026-03-01T10:00:00Z');

function limitsOf(layers: readonly Layer[], keysMax?: number): Limits {
  return new Limits({
    layersOf: () => layers,
    facts: () => undefined,
    ...(keysMax !== undefined && { keysMax }),
  });
}

function take(limits: Limits, key: string, now: number, verdict?: Verdict): Answer {
  const answer = createAnswer();
  limits.take([key], verdict, now, answer);
  return answer;
}

function passed(
  limits: Limits,
  key: string,
  now: number,
  tries: number,
  verdict?: Verdict,
): number {
  let count = 0;
  for (let i = 0; i < tries; i++) {
    if (take(limits, key, now, verdict).decision === 'allow') count += 1;
  }
  return count;
}

test('a request takes a token of every layer, and of none when one has none', () => {
  const limits = limitsOf([MINUTE, DAY]);
  assert.equal(passed(limits, 'a', AT, 10), 3);
  const refused = take(limits, 'a', AT);
  assert.equal(refused.limits?.policy, '"minute";q=3;w=60, "day";q=5;w=86400');
  assert.equal(refused.limits?.rate, '"minute";r=0;t=20, "day";r=2;t=51840');
  assert.deepEqual(refused.use, {
    ...{ layer: 'minute', used: 3, limit: 3, resetAt: AT + 20_000, retryAfterSeconds: 20 },
  });
  assert.equal(passed(limits, 'a', AT + 60_000, 10), 2);
  assert.equal(take(limits, 'a', AT + 120_000).use?.layer, 'day');
});

test('what Retry-After says is enough, and a second less is not', () => {
  const limits = limitsOf([MINUTE, DAY]);
  let now = AT;
  for (let i = 0; i < 20; i++) {
    const answer = take(limits, 'a', now);
    if (answer.decision === 'allow') continue;
    const seconds = answer.use!.retryAfterSeconds;
    assert.equal(take(limits, 'a', now + (seconds - 1) * 1000).decision, 'throttle');
    now += seconds * 1000;
    assert.equal(take(limits, 'a', now).decision, 'allow', `after ${seconds} s`);
  }
});

test('keys do not share buckets', () => {
  const limits = limitsOf([MINUTE]);
  assert.equal(passed(limits, 'a', AT, 5), 3);
  assert.equal(passed(limits, 'b', AT, 5), 3);
});

test('a layer that is only shown refuses nobody and says what is left', () => {
  const limits = limitsOf([{ ...MINUTE, enforce: false }]);
  assert.equal(passed(limits, 'a', AT, 10), 10);
  assert.equal(take(limits, 'a', AT).limits?.rate, '"minute";r=0;t=60');
});

test('a throttle holds beside the layers, and its bucket is new with each verdict', () => {
  const limits = limitsOf([DAY]);
  const hard = sampleVerdict({ key: 'a', rung: 'throttle-hard', tag: 'act_1' });
  const limit = { requests: 120, windowMs: 60_000 };
  assert.equal(passed(limits, 'a', AT, 10, { ...hard, limit }), 2, 'a second’s tokens, no more');
  assert.equal(passed(limits, 'a', AT, 10), 3, 'what was refused took no token of the day');
  const soft = { ...hard, rung: 'throttle-soft', tag: 'act_2' } as const;
  const wide = limitsOf([]);
  assert.equal(passed(wide, 'a', AT, 200, { ...soft, limit }), 120, 'its burst is there at once');
});

test('a throttle without a limit is one all the same', () => {
  for (const rung of ['throttle-soft', 'throttle-hard'] as const) {
    const verdict = sampleVerdict({ key: 'a', rung });
    assert.ok(passed(limitsOf([]), 'a', AT, 100, verdict) < 40, rung);
  }
});

test('a clock that goes back neither gives tokens nor stops them', () => {
  const limits = limitsOf([MINUTE]);
  assert.equal(passed(limits, 'a', AT, 5), 3);
  assert.equal(passed(limits, 'a', AT - 3_600_000, 5), 0);
  assert.equal(passed(limits, 'a', AT - 3_600_000 + 20_000, 5), 1);
});

test('a flood of made-up keys pushes out nobody who is near a limit', () => {
  const limits = limitsOf([DAY], 100);
  assert.equal(passed(limits, 'spent', AT, 10), 5);
  for (let i = 0; i < 10_000; i++) take(limits, `made-up-${i}`, AT);
  assert.equal(limits.size, 100);
  assert.equal(passed(limits, 'spent', AT, 10), 0);
});

test('what was used stays used when the limits of a key change', () => {
  let layers: readonly Layer[] = [DAY];
  let facts: KeyFacts = {};
  const limits = new Limits({ layersOf: () => layers, facts: () => facts });
  assert.equal(passed(limits, 'a', AT, 2), 2);
  layers = [{ ...DAY, limit: { requests: 10, windowMs: 86_400_000 } }];
  assert.equal(
    take(limits, 'a', AT).limits?.rate,
    '"day";r=2;t=51840',
    'not before a minute is over',
  );
  limits.renew();
  assert.equal(passed(limits, 'a', AT, 20), 7);
  facts = { sunsetAt: AT + 5000 };
  assert.equal(take(limits, 'a', AT + 60_000).sunsetAt, AT + 5000);
});

test('buckets go through a restart: what was used stays used, and time has passed', () => {
  const before = limitsOf([MINUTE, DAY]);
  const limit = { requests: 1, windowMs: 60_000 };
  const verdict = sampleVerdict({ key: 'kong:a b', rung: 'throttle-hard', untilAt: null, limit });
  assert.equal(passed(before, 'a', AT, 3), 3);
  take(before, 'kong:a b', AT, verdict);
  take(before, 'gone', AT - 86_400_000);
  const lines = [
    ...before.saved(
      () => AT,
      (key) => key === 'kong:a b',
    ),
  ];
  assert.equal(before.size, 3, 'what is full again is forgotten');
  const saved = JSON.parse(JSON.stringify(lines)) as SavedBuckets[];
  const now = AT + 20_000;
  const restored = (stands: Verdict): Limits => {
    const limits = limitsOf([MINUTE, DAY]);
    for (const one of saved) limits.restore(one, one[0] === stands.key ? stands : undefined, now);
    return limits;
  };
  const after = restored(verdict);
  assert.equal(passed(after, 'a', now, 5), 1);
  assert.equal(take(after, 'kong:a b', now, verdict).decision, 'throttle');
  const newer = { ...verdict, tag: 'act_2' };
  assert.equal(take(restored(newer), 'kong:a b', now, newer).decision, 'allow');
});
