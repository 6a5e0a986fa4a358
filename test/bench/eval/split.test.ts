import assert from 'node:assert/strict';
import { test } from 'node:test';
import { split } from '../../../bench/eval/split.ts';

const NAMES = ['a', 'b', 'c'].flatMap((folder, f) =>
  Array.from({ length: 5 + 2 * f }, (_, i) => `${folder}/${i}.csv`),
);

test('each folder is halved, and so is the whole', () => {
  const halves = split(NAMES);
  for (const folder of ['a', 'b', 'c']) {
    const own = NAMES.filter((name) => name.startsWith(folder));
    const open = own.filter((name) => halves.get(name) === 'open').length;
    assert.ok(Math.abs(open - own.length / 2) <= 0.5, folder);
  }
  assert.ok(Math.abs([...halves.values()].filter((half) => half === 'open').length - 10.5) < 1);
});

test('the halves hang on the names only: neither on their order nor on other folders', () => {
  assert.deepEqual([...split(NAMES.toReversed())].sort(), [...split(NAMES)].sort());
  const without = split(NAMES.filter((name) => !name.startsWith('c')));
  for (const [name, half] of without) assert.equal(split(NAMES).get(name), half);
});
