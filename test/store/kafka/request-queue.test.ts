import assert from 'node:assert/strict';
import { test } from 'node:test';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import { calmRequestQueues } from '../../../store/kafka/request-queue.ts';

/** As kafkajs has it: neither throttled nor looked after. */
function queueWith(pending: readonly unknown[]) {
  return Object.assign(Object.create(RequestQueue.prototype) as RequestQueue, {
    ...{ pending, throttledUntil: -1, throttleCheckTimeoutId: null as NodeJS.Timeout | null },
  });
}

test('a queue in which nothing waits is not looked at again and again', () => {
  calmRequestQueues();
  const idle = queueWith([]);
  idle.scheduleCheckPendingRequests();
  assert.equal(idle.throttleCheckTimeoutId, null);
});

test('a queue in which a request waits is', () => {
  calmRequestQueues();
  const busy = queueWith([{}]);
  busy.scheduleCheckPendingRequests();
  assert.notEqual(busy.throttleCheckTimeoutId, null);
  clearTimeout(busy.throttleCheckTimeoutId!);
});
