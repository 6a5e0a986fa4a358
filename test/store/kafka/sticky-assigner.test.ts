import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeHolding,
  encodeHolding,
  type Holding,
  shareOut,
} from '../../../store/kafka/sticky-assigner.ts';

function share(count: number, held: Record<string, Holding>): Record<string, number[]> {
  const partitions = Array.from({ length: count }, (_, at) => at);
  return Object.fromEntries(shareOut(partitions, new Map(Object.entries(held))));
}
const nothing: Holding = { generation: -1, partitions: [] };

test('partitions are shared evenly, each with one member', () => {
  for (const members of [1, 2, 3, 5, 8, 20]) {
    const held = Object.fromEntries(
      Array.from({ length: members }, (_, at) => [`m${at}`, nothing]),
    );
    const lists = Object.values(share(16, held));
    const sizes = lists.map(({ length }) => length);
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, `${sizes}`);
    assert.deepEqual(
      lists.flat().sort((a, b) => a - b),
      Array.from({ length: 16 }, (_, at) => at),
    );
  }
});

test('a member that joins takes only what the others have too much of', () => {
  const shared = share(8, {
    a: { generation: 4, partitions: [0, 1, 2, 3] },
    b: { generation: 4, partitions: [4, 5, 6, 7] },
    c: nothing,
  });
  assert.deepEqual(shared, { a: [0, 1, 2], b: [4, 5, 6], c: [3, 7] });
});

test('when a member leaves, the others keep theirs and share what it had', () => {
  const shared = share(8, {
    a: { generation: 5, partitions: [0, 1, 2] },
    c: { generation: 5, partitions: [3, 7] },
  });
  assert.deepEqual(shared, { a: [0, 1, 2, 5], c: [3, 4, 6, 7] });
});

test('of two that claim a partition, the one of the later generation keeps it', () => {
  const shared = share(2, {
    woken: { generation: 3, partitions: [0, 1] },
    successor: { generation: 4, partitions: [0] },
  });
  assert.deepEqual(shared, { successor: [0], woken: [1] });
});

test('what a member holds reads back; anything else claims nothing', () => {
  const holding = { generation: 7, partitions: [0, 3, 255] };
  const bytes = encodeHolding(holding);
  assert.deepEqual(decodeHolding(bytes), holding);
  for (const other of [null, Buffer.alloc(0), bytes.subarray(0, 8), Buffer.alloc(40, 9)]) {
    assert.deepEqual(decodeHolding(other), nothing);
  }
});
