import assert from 'node:assert/strict';
import { endianness } from 'node:os';
import { test } from 'node:test';
import { dropsIn, SequenceGaps } from '../../ingest/syslog-losses.ts';

function missing(...sequences: number[]): number {
  const gaps = new SequenceGaps();
  for (const sequence of sequences) gaps.seen('edge', sequence);
  return gaps.missing;
}

test('what is missing in the numbering of a sender is counted, what only came late is not', () => {
  assert.equal(missing(5, 6, 7), 0, 'the first one may have any number');
  assert.equal(missing(1, 2, 5, 6, 9), 4);
  assert.equal(missing(1, 4, 2, 3, 5), 0);
  assert.equal(missing(1, 4, 3, 5), 1);
});

test('a sender that counts anew has lost nothing, nor has one that jumps out of reach', () => {
  assert.equal(missing(1000, 1001, 1, 2, 3), 0);
  assert.equal(missing(900_000, 5, 6, 8), 1);
  assert.equal(missing(1, 2_000_000_000, 2_000_000_001), 0);
});

test('senders are counted apart, and of no more than 1,024 the number is known', () => {
  const gaps = new SequenceGaps();
  for (let sender = 0; sender < 5000; sender++) gaps.seen(`sender ${sender}`, 1);
  gaps.seen('sender 4999', 3);
  gaps.seen('sender 0', 9);
  assert.equal(gaps.missing, 1);
});

test('the drops of a socket are found by its address and port in the table of the kernel', () => {
  const hex = endianness() === 'LE' ? '0100007F' : '7F000001';
  const row = (address: string, drops: number) =>
    `  9: ${address} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0 ${drops}`;
  const table = [
    '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops',
    row('00000000:158A', 5),
    row(`${hex}:158A`, 17),
    row(`${hex}:158B`, 99),
    '',
  ].join('\n');
  assert.equal(dropsIn(table, '127.0.0.1', 5514), 17);
  assert.equal(dropsIn(table, '0.0.0.0', 5514), 5);
  assert.equal(dropsIn(table, '127.0.0.1', 5516), undefined);
});
