/** What another policy would change, in sentences. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPolicy } from '../../app/policy-file.ts';
import { DEFAULT_AUTOMATIC, DEFAULT_POLICY, type Policy } from '../../responders/policy.ts';
import { diffPolicies } from '../../responders/policy-diff.ts';

function policy(text: string): Policy {
  const { policy: read, faults } = readPolicy(`version: 1\n${text}`);
  assert.deepEqual(faults, []);
  return read!;
}

test('the same policy changes nothing', () => {
  assert.deepEqual(diffPolicies(DEFAULT_AUTOMATIC, DEFAULT_AUTOMATIC), []);
});

test('rungs that are switched on and off are named, with how they were', () => {
  const next = policy('ladder: { contain: { mode: automatic, percent: 10 }, suspend: approval }');
  assert.deepEqual(diffPolicies(DEFAULT_POLICY, next), [
    'contain becomes automatic for 10 % of the keys (it was off), for evidence that is newer than the switch.',
    'suspend becomes approval (it was off), for evidence that is newer than the switch.',
  ]);
  assert.match(
    diffPolicies(next, DEFAULT_POLICY)[0]!,
    /^contain is switched off \(it was automatic/,
  );
});

test('rules, durations and numbers of brakes are named as in the file', () => {
  const before = policy(
    'rules:\n' +
      '  - { name: a, when: { severityMin: high }, rung: contain }\n' +
      '  - { name: b, when: { severityMin: low }, rung: alert }\n',
  );
  const after = policy(
    'rules:\n' +
      '  - { name: c, when: { families: [place, credential] }, rung: suspend }\n' +
      '  - { name: b, when: { severityMin: low }, rung: warn }\n' +
      '  - { name: a, when: { severityMin: high }, rung: contain, for: 2h }\n' +
      'durations: { revoke: 7d }\n' +
      'calm: { ends: [contain] }\n' +
      'brakes: { hold: 1h30m, budget: { suspend: 3 } }\n',
  );
  assert.deepEqual(diffPolicies(before, after), [
    'Rule “a” holds for 2h instead of the time of its rung.',
    'Rule “b” leads to warn instead of alert.',
    'Rule “c” is new: families place or credential leads to suspend.',
    'The rules stand in another order, and the first that fits decides: b, a.',
    'revoke holds for 7d instead of until it is lifted.',
    'calm.ends is contain instead of throttle-soft, throttle-hard.',
    'brakes.hold is 1h30m instead of 15m.',
    'brakes.budget.suspend is 3 instead of 10.',
  ]);
});
