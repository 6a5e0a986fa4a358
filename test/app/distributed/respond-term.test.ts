/** What the process that responds says of its policy file. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { policyTrouble } from '../../../app/distributed/respond-term.ts';

test('a policy file with faults is lacking, on one line; one that is in force is not', () => {
  assert.equal(policyTrouble(undefined), undefined);
  assert.equal(
    policyTrouble('policy.yaml: 2 faults\n  line 3: unknown rung\n  line 9: not valid YAML'),
    'what was in force stays in force until this process ends, and none can start: ' +
      'policy.yaml: 2 faults; line 3: unknown rung; line 9: not valid YAML',
  );
});
