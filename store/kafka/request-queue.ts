/**
 * kafkajs looks whether requests wait again after each look, also when none does, and by a time that lies in the past:
 * a timer a millisecond for each connection, for ever. A process that did nothing used a twentieth of a processor for
 * it. What waits is looked at by whoever adds to it, and when an answer comes.
 */
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

let calmed = false;

/** Once for all clients of the process. */
export function calmRequestQueues(): void {
  if (calmed) return;
  calmed = true;
  const { prototype } = RequestQueue;
  const { scheduleCheckPendingRequests } = prototype;
  prototype.scheduleCheckPendingRequests = function lookIfAnyWaits(this: RequestQueue): void {
    if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
  };
}
