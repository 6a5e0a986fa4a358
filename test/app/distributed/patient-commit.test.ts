/** A checkpoint that Redis does not take yet. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PatientCommit } from '../../../app/distributed/patient-commit.ts';
import { KeyhoundError } from '../../../core/errors.ts';
import type { Checkpoint } from '../../../core/store.ts';
import { wentBack } from '../../../store/redis/errors.ts';

const checkpoint = {} as Checkpoint;
const full = () =>
  new KeyhoundError('operating', 'Redis takes no more data', {
    code: 'redis-full',
    retryable: true,
  });
const fenced = () => new KeyhoundError('operating', 'taken over', { code: 'fenced' });

function commits(answers: (KeyhoundError | undefined)[], isClosing = () => false) {
  const told: (string | undefined)[] = [];
  const lost: string[] = [];
  const one: PatientCommit = new PatientCommit({
    ...{ partition: 3, logger: { warn: () => undefined }, isClosing },
    onLost: (error) => void lost.push(error.message),
    state: {
      async commit() {
        told.push(one.trouble);
        const error = answers.shift();
        if (error !== undefined) throw error;
      },
    },
  });
  return { lost, one, told };
}

test('until Redis takes it, it is tried again, and said why it is not saved', async () => {
  const { one, told } = commits([full(), full(), undefined]);
  await one.commit(checkpoint);
  assert.deepEqual(told, [undefined, 'Redis takes no more data', 'Redis takes no more data']);
  assert.equal(one.trouble, undefined);
});

test('what waiting does not cure is passed on, and so is anything while closing', async () => {
  await assert.rejects(commits([fenced()]).one.commit(checkpoint), { code: 'fenced' });
  const closing = commits([full()], () => true).one;
  await assert.rejects(closing.commit(checkpoint), { code: 'redis-full' });
});

test('that Redis has lost what it had confirmed is told, not only refused', async () => {
  const { lost, one } = commits([wentBack('partition 3')]);
  await assert.rejects(one.commit(checkpoint), { code: 'fenced' });
  assert.deepEqual(lost, ['Redis has lost confirmed state of partition 3']);
  const taken = commits([fenced()]);
  await assert.rejects(taken.one.commit(checkpoint), { code: 'fenced' });
  assert.deepEqual(taken.lost, []);
});
