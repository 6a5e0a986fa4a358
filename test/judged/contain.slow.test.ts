/** Embedded, in front of a real NGINX: contained, proven in the log, taken back, proven again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../support/until.ts';
import { containScene, keyId } from './contain-scene.ts';
import { scratch } from './keyhound.ts';

const KEYS = 6;

test('a stolen key is throttled at NGINX, seen to be contained, and given back', {
  timeout: 180_000,
}, async (t) => {
  const scene = await containScene({
    keys: KEYS,
    folder: scratch(t),
    after: (end) => t.after(end),
  });
  for (let index = 0; index < KEYS; index++) assert.equal(await scene.good(index), 200);
  const attacked = [0, 1, 2];
  for (const index of attacked) await scene.attack(index);
  const pressed = async () => {
    for (const index of attacked) await scene.press(index);
    return scene.actions();
  };
  const verified = await until(
    pressed,
    (all) => all.length === attacked.length && all.every(({ verdict }) => verdict !== null),
    { everyMs: 200 },
  );
  assert.deepEqual(
    verified.map(({ subject, rung, state, verdict }) => [subject.id, rung, state, verdict]).sort(),
    attacked.map((index) => [keyId(index), 'throttle-hard', 'done', 'contained']).sort(),
  );
  for (const index of [3, 4, 5]) assert.equal(await scene.good(index), 200, 'nobody else is hit');
  for (const index of attacked) {
    const words = ['restore', keyId(index), '--reason', 'a test', '--false-alarm', '--yes'];
    const { status, stdout } = await scene.command(words);
    assert.equal(status, 0, stdout);
  }
  await until(
    () => scene.actions(),
    (all) => all.every(({ state }) => state === 'undone'),
  );
  for (const index of attacked) assert.equal(await scene.good(index), 200);
  const audit = await scene.command(['audit', 'verify']);
  assert.equal(audit.status, 0, audit.stdout);
});
