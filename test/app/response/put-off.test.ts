/** Which decisions hold nowhere yet, and which of them may still be carried out late. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mayTakeUp, PutOffs } from '../../../app/response/put-off.ts';
import type { Action } from '../../../core/action.ts';
import type { Decision } from '../../../core/decision.ts';
import type { KeyDirectory } from '../../../core/directory.ts';
import { DEFAULT_AUTOMATIC, type Policy } from '../../../responders/policy.ts';
import { createPolicyHolder } from '../../../responders/policy-holder.ts';
import { NO_DIRECTORY } from '../../support/directory.ts';
import { sampleAction, sampleDecision } from '../../support/response-samples.ts';

const again = { sinceAt: '2026-03-01T10:00:00.000Z', untilAt: '2026-03-01T11:00:00.000Z' };
const { id: DECISION } = sampleDecision();

test('a decision holds nowhere while each of its gateways fails, and no longer', () => {
  const putOffs = new PutOffs();
  const seen = (change: Partial<Action>): boolean => {
    putOffs.note(sampleAction(change));
    return putOffs.has(DECISION);
  };
  assert.equal(putOffs.has(DECISION), false);
  assert.equal(seen({}), false, 'not tried yet');
  assert.equal(seen({ failures: 1 }), true);
  assert.equal(seen({ state: 'failed', again }), true);
  assert.equal(seen({ id: 'act_2', gateway: 'edge', state: 'done' }), false, 'it holds at another');
  assert.equal(seen({ id: 'act_2', gateway: 'edge', state: 'conflict' }), true);
  assert.equal(seen({ state: 'running', again, failures: 8 }), true);
  assert.equal(seen({ state: 'done' }), false);
  assert.equal(seen({ state: 'done', wants: 'undone' }), false);
});

test('what is refused for good is not tried again, so its decision is as before', () => {
  const putOffs = new PutOffs();
  putOffs.note(sampleAction({ state: 'failed', failures: 1 }));
  assert.equal(putOffs.has(DECISION), false);
});

function mode(
  is: 'off' | 'approval' | 'automatic',
  decision: Partial<Decision>,
  isProtected = false,
) {
  const suspend = { mode: is, percent: 100 };
  const policy: Policy = {
    ...DEFAULT_AUTOMATIC,
    ladder: { ...DEFAULT_AUTOMATIC.ladder, suspend },
  };
  const directory = {
    ...NO_DIRECTORY,
    entry: () => ({ protected: isProtected }),
  } as unknown as KeyDirectory;
  return mayTakeUp(sampleDecision(decision), createPolicyHolder(policy, 0), directory);
}

test('what policy decided is done late as far as its ladder still goes', () => {
  assert.equal(mode('automatic', {}), true);
  assert.equal(mode('approval', {}), false, 'people are asked by now');
  assert.equal(mode('off', {}), false);
  assert.equal(mode('automatic', {}, true), false, 'two people are needed by now');
  assert.equal(mode('approval', { mode: 'approval' }), true);
  assert.equal(mode('approval', { mode: 'approval' }, true), true, 'people have agreed');
  assert.equal(mode('off', { mode: 'approval' }), false);
  assert.equal(mode('off', { actor: 'report:scanner' }), false);
});

test('what people did is done late whatever the ladder says', () => {
  assert.equal(mode('off', { actor: 'person:ann', mode: 'manual' }, true), true);
});
