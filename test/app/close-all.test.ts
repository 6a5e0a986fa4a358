import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeAll } from '../../app/close-all.ts';
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

test('a part that cannot be closed keeps no other from it, and a full disk is told as one', async () => {
  const log: string[] = [];
  await assert.rejects(
    closeAll(parts(log), '/state'),
    (error) => error instanceof KeyhoundError && error.code === 'disk-full',
  );
  assert.deepEqual(log, ['api', 'limits', 'state']);
});

test('what ended the work is thrown, not what failed after it', async () => {
  const log: string[] = [];
  const error = new Error('the cause');
  await assert.rejects(closeAll(parts(log), '/state', { error }), error);
  assert.equal(log.length, 3);
  await closeAll([async () => void log.push('fine')], '/state');
  assert.equal(log[3], 'fine');
});
