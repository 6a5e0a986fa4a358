/** State that is of another pepper or of other partitions than the process. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StateMatch } from '../../../app/distributed/state-match.ts';
import { KeyhoundError } from '../../../core/errors.ts';

test('a mismatch is told once and stays while nobody can tell, until they match again', async () => {
  const answers = [
    new KeyhoundError('usage', 'another pepper', { code: 'pepper-mismatch', hint: 'Give that.' }),
    new KeyhoundError('usage', 'another pepper', { code: 'pepper-mismatch', hint: 'Give that.' }),
    new KeyhoundError('operating', 'Redis does not answer', { code: 'redis-away' }),
    undefined,
  ];
  const lines: string[] = [];
  const match = new StateMatch({
    async check() {
      const error = answers.shift();
      if (error !== undefined) throw error;
    },
    logger: { error: (_, text) => void lines.push(text) },
    follows: 'no verdict is found',
  });
  assert.equal(match.trouble, undefined);
  const told: (string | undefined)[] = [];
  while (answers.length > 0) {
    await match.look();
    told.push(match.trouble);
  }
  const why = 'another pepper; no verdict is found. Give that.';
  assert.deepEqual(told, [why, why, why, undefined]);
  assert.deepEqual(lines, [why]);
});
