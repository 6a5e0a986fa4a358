/** How often one network may knock. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressLimits, ConnectionLimits } from '../../../responders/triggers/address-limits.ts';

function spend(limits: AddressLimits, address: string, nowMs = 0): number {
  let passed = 0;
  while (passed < 1000 && limits.take(address, nowMs) === 0) passed++;
  return passed;
}

test('a network has a burst, and two a second after it', () => {
  const limits = new AddressLimits();
  assert.equal(spend(limits, '192.0.2.1'), 60);
  assert.equal(limits.take('192.0.2.1', 0), 500);
  assert.equal(spend(limits, '192.0.2.1', 10_000), 20);
  assert.equal(spend(limits, '192.0.2.1', 10_000_000), 60);
  assert.equal(limits.take('192.0.2.1', 0), 500, 'a clock that goes back gives nothing');
});

test('the addresses of a /64 are one, however they are written; others have their own', () => {
  const limits = new AddressLimits();
  assert.equal(spend(limits, '2001:db8:1:2::1'), 60);
  for (const same of ['2001:db8:1:2::ffff', '2001:0DB8:1:2:3:4:5:6', '2001:db8:1:2:0:0:0:9']) {
    assert.equal(spend(limits, same), 0, same);
  }
  for (const other of ['2001:db8:1:3::1', '2001:db8::2', '::1', '192.0.2.7']) {
    assert.equal(spend(limits, other), 60, other);
  }
  assert.equal(spend(limits, '::ffff:192.0.2.7'), 0);
});

test('a million networks cost no more memory than ten thousand', () => {
  const limits = new AddressLimits();
  spend(limits, '192.0.2.1');
  for (let i = 0; i < 10_000; i++)
    limits.take(`2001:db8:${(i >> 8).toString(16)}:${i & 255}::1`, 0);
  assert.equal(spend(limits, '192.0.2.1'), 60, 'it was forgotten');
});

test('one network holds sixteen connections, and gets each back', () => {
  const limits = new ConnectionLimits();
  let open = 0;
  while (limits.take(open % 2 === 0 ? '2001:db8::1' : '2001:db8::2')) open++;
  assert.equal(open, 16);
  assert.ok(limits.take('2001:db8:0:1::1'));
  limits.giveBack('2001:db8::7');
  assert.ok(limits.take('2001:db8::1'));
  assert.ok(!limits.take('2001:db8::1'));
});
