import assert from 'node:assert/strict';
import test from 'node:test';
import { createEvent } from '../../../core/event.ts';
import type { Subject } from '../../../detectors/detector.ts';
import {
  type Learner,
  learnAll,
  type Observer,
  observeAll,
  seated,
} from '../../../detectors/engine/dispatch.ts';

const subject = {} as Subject;

for (const count of [0, 3, 16, 19]) {
  test(`of ${count} detectors each is asked once, in order, and its score stands at its index`, () => {
    const asked: number[] = [];
    const seats = Array.from({ length: count }, (_, i): Observer & Learner => ({
      observe: () => {
        asked.push(i);
        return i + 0.5;
      },
      learn: () => void asked.push(i),
      settings: { enabled: true },
      state: {},
    }));
    const everyone = Array.from({ length: count }, (_, i) => i);
    const scores = new Float64Array(Math.max(16, count)).fill(9);
    observeAll(seated(seats), createEvent(), subject, scores);
    assert.deepEqual(asked, everyone);
    assert.deepEqual(
      [...scores],
      [...scores].map((_, i) => (i < count ? i + 0.5 : 0)),
    );
    asked.length = 0;
    learnAll(seated(seats), createEvent(), subject);
    assert.deepEqual(asked, everyone);
  });
}
