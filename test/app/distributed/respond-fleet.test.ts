/** What brakes of the role respond know of all keys together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RespondFleet } from '../../../app/distributed/respond-fleet.ts';
import type { StateReader } from '../../../store/redis/reader.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const T0 = Date.parse('2026-03-01T10:00:00.000Z');

interface Saved {
  readonly firstAt?: number | null;
  readonly fleet?: object;
}

function fleetOf(partitions: readonly Saved[], clock = { now: () => T0 + 30 * MINUTE }) {
  const reader: Partial<StateReader> = {
    meta: async (partition) => ({ ...partitions[partition] }),
  };
  return new RespondFleet({
    partitions: partitions.length,
    clock,
    state: async () => reader as StateReader,
  });
}

/** Of a key by its number. */
function digestOf(key: number): string {
  return key.toString(16).padStart(32, '0').split('').reverse().join('');
}

test('detection is as cold as the whole of it, and knows nothing before its first event', async () => {
  const none = fleetOf([{}, { firstAt: null }]);
  await none.read();
  assert.equal(none.coldSinceMs, T0 + 30 * MINUTE);
  const some = fleetOf([{}, { firstAt: T0 - 5 * HOUR }, { firstAt: T0 - HOUR }]);
  await some.read();
  assert.equal(some.coldSinceMs, T0 - 5 * HOUR);
});

test('keys in use are those of the partition that has heard most, in its busier five minutes', async () => {
  const active = (...spans: readonly number[]) => ({
    fleet: {
      active: spans.map((keys, i) => [
        i,
        [
          ['acme', keys],
          ['', 2],
        ],
      ]),
    },
  });
  const fleet = fleetOf([active(), active(3, 9), active(4)]);
  assert.equal(fleet.activeKeys, undefined);
  await fleet.read();
  assert.equal(fleet.activeKeys, 11);
});

test('what cannot be read leaves what was known', async () => {
  let away = false;
  const fleet = new RespondFleet({
    partitions: 1,
    clock: { now: () => T0 },
    state: async () => {
      if (away) throw new Error('away');
      return { meta: async () => ({ firstAt: T0 - HOUR }) } as Partial<StateReader> as StateReader;
    },
  });
  await fleet.read();
  away = true;
  await assert.rejects(fleet.read());
  assert.equal(fleet.coldSinceMs, T0 - HOUR);
});

test('traffic is the sum of the keys, each told again and again; of a whole hour or of this one', () => {
  let now = T0 + 30 * MINUTE;
  const fleet = fleetOf([{}], { now: () => now });
  assert.equal(fleet.trafficPerHour(), undefined);
  fleet.used(digestOf(1), T0, 10);
  fleet.used(digestOf(2), T0, 100);
  fleet.used(digestOf(1), T0, 50);
  fleet.used(digestOf(1), T0, 40);
  assert.equal(fleet.trafficPerHour(), 300);
  now = T0 + HOUR + 30 * MINUTE;
  fleet.used(digestOf(1), T0 + HOUR, 20);
  assert.equal(fleet.trafficPerHour(), 150, 'the whole hour');
  fleet.used(digestOf(2), T0 - HOUR, 1e6);
  assert.equal(fleet.trafficPerHour(), 150, 'not one of before');
  fleet.used(digestOf(1), T0 + HOUR, 200);
  assert.equal(fleet.trafficPerHour(), 400);
  now = T0 + 2 * HOUR + 1;
  fleet.used(digestOf(1), T0 + 2 * HOUR, 1);
  assert.equal(fleet.trafficPerHour(), 200, 'the first minute of an hour says little');
});
