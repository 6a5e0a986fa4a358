/** The policy file as people write it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadPolicy, readPolicy } from '../../app/policy-file.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { DEFAULT_POLICY } from '../../responders/policy.ts';

function faultsOf(text: string): string[] {
  return readPolicy(text).faults.map(({ line, path, message, hint }) =>
    [`${line} ${path}: ${message}`, ...(hint === undefined ? [] : [hint])].join('. '),
  );
}

test('an empty policy is what a new install does', () => {
  assert.deepEqual(readPolicy('version: 1\n').policy, DEFAULT_POLICY);
  assert.equal(loadPolicy(undefined), DEFAULT_POLICY);
});

test('every fault is told at once, with its line and the nearest right word', () => {
  const text = [
    'version: 1',
    'ladder:',
    '  suspend: automatik',
    '  thrttle-soft: off',
    'rules:',
    '  - name: night',
    '    when: { severtyMin: low }',
    '    rung: alert',
    'durations:',
    '  contain: 4 hours',
  ].join('\n');
  const faults = faultsOf(text);
  assert.deepEqual(
    faults.map((fault) => fault.split(':')[0]),
    [
      '3 ladder.suspend',
      '4 ladder.thrttle-soft',
      '7 rules[0].when.severtyMin',
      '10 durations.contain',
    ],
  );
  assert.match(faults[1]!, /Did you mean throttle-soft\?/);
  assert.match(faults[2]!, /Did you mean severityMin\?/);
});

test('a detector that there is not, a name twice and a revocation for behaviour are refused', () => {
  const text = [
    'version: 1',
    'rules:',
    '  - name: a',
    '    when: { severityMin: critical, detectors: [volume-spik] }',
    '    rung: suspend',
    '  - name: a',
    '    when: { severityMin: critical }',
    '    rung: revoke',
  ].join('\n');
  assert.deepEqual(faultsOf(text), [
    '4 rules[0].when.detectors[0]: unknown detector. Did you mean volume-spike?',
    '6 rules[1].name: rules[0] has this name too',
    '8 rules[1].rung: behaviour alone does not revoke. ' +
      'Add severityMin: critical and familiesMin: 2 to when:, or leak: true.',
  ]);
});

test('numbers of brakes that would take away what they are for are refused', () => {
  const text = 'version: 1\nbrakes:\n  fleet: { wait: 1s }\n  stale: { lagAlert: 10s }\n';
  assert.deepEqual(faultsOf(text), [
    '3 brakes.fleet.wait: must be at least 5s, one span',
    '4 brakes.stale: must grow from lagNoRevoke over lagNoSuspend to lagAlert',
  ]);
});

test('a policy that is no YAML, of another version or not there is refused', () => {
  assert.equal(readPolicy('version: 1\nladder: [').policy, undefined);
  assert.equal(readPolicy('version: 2\n').policy, undefined);
  assert.equal(readPolicy('').policy, undefined);
  const missing = (error: unknown): boolean =>
    error instanceof KeyhoundError && error.code === 'policy-unreadable';
  assert.throws(() => loadPolicy('/nowhere/policy.yaml'), missing);
});

test('what a policy says more than the default changes its version, order and comments do not', () => {
  const [a, b, c] = [
    'version: 1\nladder: { suspend: approval, contain: automatic }\n',
    '# with a remark\nladder: { contain: automatic, suspend: approval }\nversion: 1\n',
    'version: 1\nladder: { suspend: approval }\n',
  ].map((text) => readPolicy(text).policy?.version);
  assert.equal(a, b);
  assert.notEqual(a, c);
});
