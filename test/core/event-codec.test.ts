import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import {
  type ApiEvent,
  createEvent,
  NO_KEY,
  UNKNOWN_CLIENT,
  UNKNOWN_PLACE,
  UNKNOWN_ROUTE,
} from '../../core/event.ts';
import { createEventDecoder, EVENT_VERSION, encodeEvent } from '../../core/event-codec.ts';
import { anyEvent } from './any-event.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

test('every event comes back exactly, one after the other, through one decoder', () => {
  const decoder = createEventDecoder();
  fc.assert(
    fc.property(fc.array(anyEvent, { minLength: 1, maxLength: 5 }), (list) => {
      const buffer = new Uint8Array(4096);
      let end = 7;
      for (const event of list) {
        end = encodeEvent(event, buffer, end);
        assert.ok(end > 0);
      }
      const decoded = { ...createEvent(), stream: 3, position: 17 };
      let at = 7;
      for (const event of list) {
        at = decoder.decode(buffer.subarray(0, end), at, decoded);
        assert.deepEqual(decoded, event);
      }
      assert.equal(at, end);
    }),
    { numRuns: 500, seed: 11 },
  );
});

const sample = (): ApiEvent => ({
  ...createEvent(),
  at: 1_772_359_200_123,
  key: Object.freeze({
    id: 'kong:b1a41c9a',
    digest0: 1,
    digest1: 2,
    digest2: 3,
    digest3: -(2 ** 31),
  }),
  place: { ...UNKNOWN_PLACE, country: 'DE', region: 'BE', city: 'Berlin', kind: 'public' },
  route: { template: '/v1/orders/{id}', code: 5 },
  client: { name: 'curl', code: 9 },
  method: 'GET',
  consumer: 'acme',
  status: 200,
});

test('equal parts are the same objects again, and the known ones are the shared constants', () => {
  const decoder = createEventDecoder();
  const buffer = new Uint8Array(1000);
  const [one, two] = [createEvent(), createEvent()];
  encodeEvent(sample(), buffer, 0);
  decoder.decode(buffer, 0, one);
  encodeEvent({ ...sample(), status: 500 }, buffer, 0);
  decoder.decode(buffer, 0, two);
  for (const part of ['key', 'place', 'route', 'client'] as const) {
    assert.equal(one[part], two[part]);
  }
  encodeEvent(createEvent(), buffer, 0);
  decoder.decode(buffer, 0, one);
  assert.equal(one.key, NO_KEY);
  assert.equal(one.place, UNKNOWN_PLACE);
  assert.equal(one.route, UNKNOWN_ROUTE);
  assert.equal(one.client, UNKNOWN_CLIENT);
});

test('where the room does not suffice nothing is written', () => {
  const buffer = new Uint8Array(90);
  assert.equal(encodeEvent(sample(), buffer, 0), -1);
  assert.deepEqual(buffer, new Uint8Array(90));
});

test('bytes of another version or cut short are refused, never misread', () => {
  const decoder = createEventDecoder();
  const buffer = new Uint8Array(1000);
  const end = encodeEvent(sample(), buffer, 0);
  const event = createEvent();
  for (let length = 0; length < end; length++) {
    const decode = () => decoder.decode(buffer.subarray(0, length), 0, event);
    assert.throws(decode, { code: 'event-damaged' }, `${length} of ${end} bytes`);
  }
  buffer[0] = EVENT_VERSION + 1;
  assert.throws(() => decoder.decode(buffer, 0, event), { code: 'event-version' });
});

test('the caches are bounded: ever new keys do not grow memory', () => {
  const decoder = createEventDecoder();
  const buffer = new Uint8Array(1000);
  const event = createEvent();
  const base = sample();
  const run = (from: number, to: number): number => {
    for (let i = from; i < to; i++) {
      encodeEvent({ ...base, key: { ...base.key, id: `h:${i}`, digest0: i } }, buffer, 0);
      decoder.decode(buffer, 0, event);
      assert.equal(event.key.digest0, i);
    }
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = run(0, 60_000);
  assert.ok(run(60_000, 120_000) - before < 8 << 20);
});
