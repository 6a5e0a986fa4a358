/** Bits that say which keys a table may hold. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyMarks } from '../../decide/key-marks.ts';

const ids = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `kong:${String(from + i).padStart(8, '0')}`);

test('every id that was given may be there, whatever its length', () => {
  const all = ['', 'a', 'ab', `kong:${'x'.repeat(300)}`, 'kong:käse', ...ids(3000)];
  const marks = new KeyMarks(all, all.length);
  for (const id of all) assert.ok(marks.mayHave(id), id);
});

test('of ids that were not given nearly all are known not to be there', () => {
  const marks = new KeyMarks(ids(10_000), 10_000);
  const taken = ids(10_000, 20_000).filter((id) => marks.mayHave(id)).length;
  assert.ok(taken < 1000, `${taken} of 10,000`);
});

test('it says when there are more than it was made for', () => {
  const marks = new KeyMarks([], 0);
  const added = ids(1000).findIndex((id) => !marks.add(id));
  assert.ok(added > 10 && added < 200, String(added));
});
