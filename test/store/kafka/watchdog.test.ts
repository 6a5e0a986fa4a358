import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Quiet, Watchdog } from '../../../store/kafka/watchdog.ts';

test('silence is noticed once, after as many ticks as make up its time, and worries before', () => {
  mock.timers.enable({ apis: ['setInterval'] });
  try {
    let silences = 0;
    const watchdog = new Watchdog(4000, () => {
      silences += 1;
    });
    mock.timers.tick(1500);
    assert.equal(watchdog.isWorrying, false);
    mock.timers.tick(1000);
    assert.equal(watchdog.isWorrying, true);
    watchdog.heard();
    assert.equal(watchdog.isWorrying, false);
    mock.timers.tick(3500);
    assert.equal(silences, 0);
    mock.timers.tick(5000);
    assert.equal(silences, 1);
    watchdog.close();
  } finally {
    mock.timers.reset();
  }
});

test('nothing is left to fetch after three fetches without a batch from every broker', () => {
  const quiet = new Quiet();
  assert.equal(quiet.isQuiet, false);
  quiet.started(1);
  quiet.started(2);
  for (let fetch = 0; fetch < 5; fetch++) quiet.ended(1);
  assert.equal(quiet.isQuiet, false);
  for (let fetch = 0; fetch < 3; fetch++) quiet.ended(2);
  assert.equal(quiet.isQuiet, true);
  quiet.reset();
  assert.equal(quiet.isQuiet, false);
});
