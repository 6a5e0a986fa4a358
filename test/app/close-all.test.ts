import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeEach, Ending } from '../../app/close-all.ts';
import { KeyhoundError } from '../../core/errors.ts';

function parts(log: string[]): (() => Promise<void>)[] {
  const full = Object.assign(new Error('write'), { code: 'ENOSPC' });
  return [
    async () => void log.push('state'),
    async () => {
      log.push('limits');
      throw full;
    },
    async () => void log.push('api'),
  ];
}

function rig() {
  const after: unknown[] = [];
  const error = (facts: object) => void after.push((facts as { err: unknown }).err);
  return { after, ending: new Ending({ error }) };
}

test('a part that cannot be closed keeps no other from it, and a full disk is told as one', async () => {
  const log: string[] = [];
  const { after, ending } = rig();
  await assert.rejects(
    ending.end(parts(log), '/state'),
    (error) => error instanceof KeyhoundError && error.code === 'disk-full',
  );
  assert.deepEqual(log, ['api', 'limits', 'state']);
  assert.deepEqual(after, []);
});

test('what ended the work is thrown; what failed after it is told in the log', async () => {
  const log: string[] = [];
  const { after, ending } = rig();
  const cause = new Error('the cause');
  ending.fail(cause);
  ending.fail(cause);
  await ending.close(parts(log));
  assert.equal(log.length, 3);
  assert.deepEqual(
    after.map((error) => (error as Error).message),
    ['write'],
  );
  assert.throws(() => ending.done('/state'), cause);
  rig().ending.done('/state');
});

test('of several parts each is closed, and the first failure is thrown', async () => {
  const log: string[] = [];
  await assert.rejects(closeEach(parts(log)), /write/);
  assert.deepEqual(log, ['api', 'limits', 'state']);
});
